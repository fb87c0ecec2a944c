"""Makes a text encoder of open_clip at full size with random weights, and exports it to ONNX.

usage: export_text.py bert | xlm-roberta | mt5 DIR
DIR gets open_clip_config.json, open_clip_model.safetensors (the text tower alone) and onnx/text_model.onnx, and
text_model_quantized.onnx in dynamic int8. The sizes are those of bert-base-uncased, xlm-roberta-base and google/mt5-base.
"""
import json
import pathlib
import sys
import tempfile

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from open_clip.hf_model import HFTextEncoder
from safetensors.torch import save_file
from transformers import BertConfig, MT5Config, XLMRobertaConfig

ENCODERS = {
    "bert": ("bert-base-uncased", BertConfig(vocab_size=30522)),
    "xlm-roberta": ("xlm-roberta-base", XLMRobertaConfig(vocab_size=250002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)),
    "mt5": ("google/mt5-base", MT5Config(vocab_size=250112, d_model=768, d_ff=2048, num_layers=12, num_heads=12, num_decoder_layers=1)),
}
EMBED_DIM = 512
CONTEXT = 77


def main(kind: str, target: pathlib.Path) -> None:
    torch.manual_seed(0)
    name, config = ENCODERS[kind]
    with tempfile.TemporaryDirectory() as named:
        config.save_pretrained(named)
        text = HFTextEncoder(named, output_dim=EMBED_DIM, pooler_type="mean_pooler", proj_type="mlp", pretrained=False).eval()
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    text_cfg = {"hf_model_name": name, "hf_pooler_type": "mean_pooler", "hf_proj_type": "mlp", "context_length": CONTEXT}
    vision_cfg = {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}
    model_cfg = {"embed_dim": EMBED_DIM, "vision_cfg": vision_cfg, "text_cfg": text_cfg}
    (target / "open_clip_config.json").write_text(json.dumps({"model_cfg": model_cfg, "preprocess_cfg": {}}))
    save_file({f"text.{k}": v.contiguous().clone() for k, v in text.state_dict().items()}, target / "open_clip_model.safetensors")
    path = target / "onnx" / "text_model.onnx"
    torch.onnx.export(text, (torch.randint(5, 1000, (2, 12)),), path, input_names=["input_ids"], output_names=["text_embeds"],
                      opset_version=17, dynamo=False, dynamic_axes={"input_ids": {0: "batch", 1: "tokens"}, "text_embeds": {0: "batch"}})
    quantize_dynamic(path, path.with_name("text_model_quantized.onnx"), weight_type=QuantType.QInt8)


main(sys.argv[1], pathlib.Path(sys.argv[2]))
