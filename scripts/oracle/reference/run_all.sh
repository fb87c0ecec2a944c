#!/bin/sh
# Makes the reference's tree anew in OUT (58 MB, minutes on one core; requirements.txt), the same bytes every time.
# node scripts/oracle/pack.cjs OUT then keeps in test/fixtures/oracle what no rule gives.
set -e
cd "$(dirname "$0")"
OUT=${1:?usage: run_all.sh OUT}
export OMP_NUM_THREADS=1
python gen_preprocess.py "$OUT/preprocess" ../../../test/fixtures/oracle/preprocess
python gen_models.py "$OUT/models" "$OUT/preprocess"
python gen_tokenizer.py "$OUT/tokenizer"
python gen_gguf.py "$OUT/gguf" "$OUT/models"
python gen_math.py "$OUT/math"
python verify.py "$OUT"
python activation_floor.py "$OUT"
# expected values of the full-size model (0.6 GB, not part of the tree): python make_b32.py DIR --check
