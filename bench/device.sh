#!/usr/bin/env bash
# Measures a device: pictures and texts in batches of 1 to 512 and JPEG files to embeddings, for ViT-B/32, B/16 and L/14 with f16
# and q8_0 weights. Needs a build (npm run build) and the device's backend (docs/devices.md).
#
#   bench/device.sh [cuda | vulkan | metal | cpu]
#
# MODELS, TYPES, BATCHES and ROUNDS change what is measured. Writes build/bench/results/device-<device>-<model>.json. The models are
# made once (3 GB); the measurement itself takes about 8 minutes on a GPU. It stops at the first step that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda}
results=build/bench/results
mkdir -p "$results"
node dist/cli/main.js info --device "$device"
for model in ${MODELS:-vit-b-32 vit-b-16 vit-l-14}; do
  node bench/make-model.mjs "$model"
  node dist/cli/main.js bench --device "$device" --model "build/bench/$model" --types "${TYPES:-f16,q8_0}" \
    --batches "${BATCHES:-1,8,32,128,512}" --rounds "${ROUNDS:-5}" --only towers,pictures,concurrency --calls 512 \
    --json "$results/device-$device-$model.json"
done
