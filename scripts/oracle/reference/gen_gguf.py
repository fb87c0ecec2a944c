"""The gguf folder. Usage: gen_gguf.py OUT_DIR MODELS_DIR"""
import os, shutil, sys
sys.path.insert(0, os.path.dirname(__file__))
from gguf_lib import *
OUT, M = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
shutil.rmtree(OUT, ignore_errors=True)
print(json.dumps(make_set(f"{M}/hf-clip-tiny", OUT, ["f16", "q8_0", "q4_0"], "hf-clip-tiny"), indent=1))
# small one with the convolution in f16 and everything else f32 (the converter's --use-f32)
print(json.dumps(make_set(f"{M}/hf-clip-gelu-tiny", OUT, ["f32"], "hf-clip-gelu-tiny"), indent=1))
