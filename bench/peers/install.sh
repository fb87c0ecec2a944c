#!/usr/bin/env bash
# Installs the peers and exports the benchmark models to ONNX: f32 and dynamically quantised int8.
# usage: install.sh [vit-b-32 | vit-b-16 | vit-l-14 ...]   (default: all three; about 10 GB and 10 minutes)
# GGCLIP_BENCH_PYTHON: a Python that has requirements.txt already, instead of a new environment.
set -euo pipefail
cd "$(dirname "$0")"
models=("$@")
[ $# -gt 0 ] || models=(vit-b-32 vit-b-16 vit-l-14)
npm install --ignore-scripts --no-audit --no-fund
python=${GGCLIP_BENCH_PYTHON:-build/venv/bin/python}
if [ -z "${GGCLIP_BENCH_PYTHON:-}" ]; then
  python3 -m venv build/venv
  build/venv/bin/pip install -q -r requirements.txt
fi
for model in "${models[@]}"; do
  node ../make-model.mjs "$model"
  "$python" export_onnx.py "../../build/bench/$model" "../../build/bench/$model-onnx"
  "$python" run_openvino.py "../../build/bench/$model-onnx" 2 </dev/null >/dev/null # quantises once
done
