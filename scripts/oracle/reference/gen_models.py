"""The models folder. Usage: gen_models.py OUT_DIR PREPROCESS_DIR"""
import os, shutil, sys
sys.path.insert(0, os.path.dirname(__file__))
from oraclelib import *
import families as F
import sp_tokenizer as S

OUT, PRE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
E2E = [f"{PRE}/images/{n}" for n in ("photo_boats_384x256.png", "exact_224x224.png", "tall_300x900.png", "upscale_50x37.png", "gray_L_320x200.png")]
only = set(sys.argv[3:])


def want(n):
    if only and n not in only:
        return None
    shutil.rmtree(f"{OUT}/{n}", ignore_errors=True)
    return f"{OUT}/{n}"


if d := want("hf-clip-tiny"):
    F.make_hf_clip(d, 101, dict(hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=2, image_size=64, patch_size=16),
                   dict(hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=2), 64, "quick_gelu", e2e_files=E2E,
                   meta={"note": "eos_token_id is set in config.json: the pooled position is the first EOS"})
if d := want("hf-clip-gelu-tiny"):
    F.make_hf_clip(d, 102, dict(hidden_size=96, intermediate_size=384, num_hidden_layers=2, num_attention_heads=3, image_size=48, patch_size=8),
                   dict(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2), 80, "gelu", n_merges=1200, legacy=True,
                   preproc="old", e2e_files=E2E, batch=3, pad_token="!",
                   meta={"note": "transformers-4.x style files: eos_token_id 2 in text_config (pool at argmax of the ids), text_config_dict, "
                                 "int64 position_ids buffers in the safetensors, integer size/crop_size in preprocessor_config.json, pad token '!'"})
if d := want("openclip-tiny"):
    F.make_openclip(d, 103, {"embed_dim": 72, "vision_cfg": {"image_size": 64, "layers": 2, "width": 96, "head_width": 32, "patch_size": 16},
                             "text_cfg": {"context_length": 77, "width": 64, "heads": 2, "layers": 2}}, e2e_files=E2E, batch=3)
if d := want("siglip-tiny"):
    F.make_siglip(d, 104, dict(hidden_size=96, intermediate_size=256, num_hidden_layers=2, num_attention_heads=3, image_size=64, patch_size=16),
                  dict(hidden_size=96, intermediate_size=256, num_hidden_layers=2, num_attention_heads=3), S.make(7), 
                  ["a photo of a cat", "Two DOGS, playing in the snow!", "", "naïve café", "word " * 100], E2E, batch=3)
    v, n = S.vectors(d)
    jdump(f"{d}/tokenizer_vectors.json", {"what": "ids by transformers SiglipTokenizer (sentencepiece), truncated to 64, without padding; "
          "tokenizer_json_ids is present where tokenizer.json gives something else", "vectors": v})
    print("siglip tokenizer.json differs on", n, "of", len(v))

# ---- full-size shape, configuration only
d = f"{OUT}/b32-config"
os.makedirs(d, exist_ok=True)
jdump(f"{d}/config.json", {
    "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 512, "logit_scale_init_value": 2.6592, "initializer_factor": 1.0,
    "text_config": {"vocab_size": 49408, "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
                    "max_position_embeddings": 77, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-05, "projection_dim": 512,
                    "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1, "model_type": "clip_text_model"},
    "vision_config": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "image_size": 224,
                      "patch_size": 32, "num_channels": 3, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-05, "projection_dim": 512,
                      "model_type": "clip_vision_model"}}, 2)
F.write_clip_preproc_config(d, 224)
