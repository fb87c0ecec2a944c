#!/usr/bin/env bash
# Measures every published figure again and draws the charts. Needs a build (npm run build), the peers (bench/peers/install.sh)
# and the photographs (bench/photos.sh). Stops at the first step that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
results=bench/results
node bench/run.mjs --peers --threads 1,2 --json $results/vit-b-32.json
node bench/run.mjs --model vit-b-16 --peers --json $results/vit-b-16.json
node bench/run.mjs --model vit-l-14 --peers --json $results/vit-l-14.json
node bench/app.mjs --json $results/app.json
node bench/decode-cosine.mjs --json $results/decode-cosine.json
node dist/cli/main.js bench --profile --towers image --rounds 15 --model build/bench/vit-b-32-q8_0.gguf --json $results/profile.json
node bench/charts.mjs
