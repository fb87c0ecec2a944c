"""The math folder. Usage: gen_math.py OUT_DIR"""
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
from math_lib import *
OUT = sys.argv[1]
jdump(f"{OUT}/zero_shot.json", zero_shot_case(11, 6, 5, 4, 16, 12.0, noise=1.6), None)
jdump(f"{OUT}/losses_8x8.json", loss_case(12, 8, 16, 2.6592, 2.302585, -10.0), None)
jdump(f"{OUT}/softmax.json", softmax_cases([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0], [100.0, 0.0, -100.0], [1000.0, 999.0, -1000.0], [-1000.0, -1001.0], [5.0], [24.31, 19.02, 24.30999]]), None)
jdump(f"{OUT}/cosine.json", cosine_cases(13, [1, 2, 3, 7, 16, 33, 64]), None)
