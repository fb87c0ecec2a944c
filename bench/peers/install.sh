#!/usr/bin/env bash
# Installs the peers and exports the benchmark model to ONNX: f32 and dynamically quantised int8.
set -euo pipefail
cd "$(dirname "$0")"
npm install --ignore-scripts --no-audit --no-fund
python3 -m venv build/venv
build/venv/bin/pip install -q -r requirements.txt
node ../make-b32.mjs ../../build/bench/b32
build/venv/bin/python export_onnx.py ../../build/bench/b32 ../../build/bench/onnx
