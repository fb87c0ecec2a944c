"""OpenVINO over the exported image tower, driven line by line so that a benchmark can take turns with it.

usage: run_openvino.py ONNX_DIR THREADS [SIZE]
Writes ONNX_DIR/openvino_int8.xml once: the image tower quantised by NNCF (calibrated on 32 generated inputs, as
transformers are); SIZE: of the images, default 224. Then prints "ready VERSION", and for each line "BATCH" read runs that many images and prints the
milliseconds of the inference.
"""
import pathlib
import sys
import time

import numpy as np
import openvino as ov

folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
size = int(sys.argv[3]) if len(sys.argv) > 3 else 224
saved = folder / "openvino_int8.xml"
core = ov.Core()
if not saved.exists():
    import nncf

    inputs = [np.random.default_rng(seed).standard_normal((1, 3, size, size), dtype=np.float32) for seed in range(32)]
    model = core.read_model(folder / "onnx" / "vision_model.onnx")
    model = nncf.quantize(model, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=32)
    ov.save_model(model, saved)
compiled = core.compile_model(saved, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
request = compiled.create_infer_request()
pixels = {}
print("ready", ov.__version__.split("-")[0], flush=True)
for line in sys.stdin:
    n = int(line)
    if n not in pixels:
        pixels[n] = np.sin(np.arange(n * 3 * size * size, dtype=np.float64) * 0.37).astype(np.float32).reshape(n, 3, size, size)
    begin = time.perf_counter()
    request.infer({0: pixels[n]})
    print((time.perf_counter() - begin) * 1000, flush=True)
