"""Token ids of the real tokenizers: reads folders and texts (JSON lines) from stdin, writes ids (JSON lines) to stdout.

One line in: {"folder", "reference": "auto" | "open_clip" | "hf_tokenizer", "clean", "texts"}. One line out: {"ids": [[...], null, ...]} or
{"error"}. open_clip's tokenizer module needs torch for its tensors only, which nobody asks for here: an empty stand-in does.
"""
import gzip
import importlib.util
import json
import os
import sys
import tempfile
import types

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_OFFLINE"] = "1"

from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: E402


def open_clip_tokenizer():
    torch = types.ModuleType("torch")
    torch.Tensor = torch.LongTensor = torch.long = object
    sys.modules.setdefault("torch", torch)
    folder = importlib.util.find_spec("open_clip").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", os.path.join(folder, "tokenizer.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def auto(folder):
    with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
        generic = json.load(file).get("tokenizer_class") == "PreTrainedTokenizerFast"
    return (PreTrainedTokenizerFast if generic else AutoTokenizer).from_pretrained(folder)


def encoder_of(task):
    folder, kind = task["folder"], task["reference"]
    if kind == "auto":
        tokenizer = auto(folder)
        return lambda text: tokenizer(text)["input_ids"]
    module = open_clip_tokenizer()
    if kind == "hf_tokenizer":
        tokenizer, clean = auto(folder), module.get_clean_fn(task["clean"])
        return lambda text: tokenizer(clean(text))["input_ids"]
    with open(os.path.join(folder, "merges.txt"), "rb") as file, tempfile.NamedTemporaryFile(suffix=".gz") as packed:
        packed.write(gzip.compress(file.read().rstrip(b"\n")))
        packed.flush()
        tokenizer = module.SimpleTokenizer(packed.name, clean=task["clean"])
    return lambda text: [tokenizer.sot_token_id, *tokenizer.encode(text), tokenizer.eot_token_id]


def encoded(encode, text):
    try:
        return encode(text)
    except BaseException as error:  # overlapping tokens that take whitespace along make the tokenizers library panic
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


for line in sys.stdin:
    task = json.loads(line)
    try:
        encode = encoder_of(task)
        answer = {"ids": [encoded(encode, text) for text in task["texts"]]}
    except Exception as error:  # a folder that the reference refuses
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer), flush=True)
