#!/usr/bin/env bash
# Makes the models of bench/families.mjs, after install.sh: open_clip's configurations with random weights, their image
# towers as ONNX, and as calibrated int8 for OpenVINO; then text towers. About 13 GB and 30 minutes.
# GGCLIP_BENCH_PYTHON: as for install.sh.
set -euo pipefail
cd "$(dirname "$0")"
python=${GGCLIP_BENCH_PYTHON:-build/venv/bin/python}
[ -n "${GGCLIP_BENCH_PYTHON:-}" ] || build/venv/bin/pip install -q -r requirements-families.txt
for model in MobileCLIP2-S0:256 RN50:224 convnext_base_w:256 ViTamin-S:224 EVA02-B-16:224:int8 PE-Core-B-16:224:int8; do
  IFS=: read -r name size int8 <<<"$model"
  folder=../../build/bench/family/$name
  "$python" export_family.py "$name" "$folder" ${int8:+"$int8"}
  "$python" run_openvino.py "$folder" 2 "$size" </dev/null >/dev/null # quantises once
done
bench=../../build/bench
for kind in bert xlm-roberta mt5; do
  "$python" export_text.py "$kind" "$bench/text/$kind"
done
# the text tower of ViT-B/32, from install.sh's files
mkdir -p "$bench/text/clip"
for file in vit-b-32/config.json vit-b-32/model.safetensors vit-b-32-onnx/onnx; do
  ln -sfn "../../$file" "$bench/text/clip/$(basename "$file")"
done
