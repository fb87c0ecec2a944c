"""Makes an open_clip model of a configuration with random weights, and exports its image tower to ONNX.

usage: export_family.py CONFIGURATION DIR
DIR gets open_clip_config.json, open_clip_model.safetensors and onnx/vision_model.onnx, branches that only training
needs folded, as whoever deploys it would; with "int8" as a third argument also vision_model_quantized.onnx (dynamic:
matrices only, so it does nothing for convolutions).
"""
import json
import pathlib
import sys

import open_clip
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import save_file
from timm.utils import reparameterize_model


class Vision(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.visual = clip.visual

    def forward(self, pixel_values):
        return self.visual(pixel_values)


def main(name: str, target: pathlib.Path, int8: bool) -> None:
    torch.manual_seed(0)
    clip = open_clip.create_model(name).eval()
    for buffer, values in clip.named_buffers():  # what batch norms would have seen
        if buffer.endswith("running_mean"):
            values.normal_(0, 0.1)
        elif buffer.endswith("running_var"):
            values.uniform_(0.8, 1.2)
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    config = open_clip.get_model_config(name)
    for tower in ("vision_cfg", "text_cfg"):
        for key in ("timm_model_pretrained", "hf_model_pretrained"):
            config[tower].pop(key, None)
    preprocess = {k: v for k, v in clip.visual.preprocess_cfg.items() if k in ("mean", "std", "interpolation", "resize_mode")}
    (target / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}))
    save_file({k: v.contiguous().clone() for k, v in clip.state_dict().items()}, target / "open_clip_model.safetensors")
    clip.visual = reparameterize_model(clip.visual)
    size = clip.visual.image_size
    size = size if isinstance(size, int) else size[0]
    path = target / "onnx" / "vision_model.onnx"
    torch.onnx.export(Vision(clip), (torch.randn(2, 3, size, size),), path, input_names=["pixel_values"],
                      output_names=["image_embeds"], opset_version=17, dynamo=False,
                      dynamic_axes={"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}})
    if int8:
        quantize_dynamic(path, path.with_name("vision_model_quantized.onnx"), weight_type=QuantType.QInt8)


main(sys.argv[1], pathlib.Path(sys.argv[2]), "int8" in sys.argv[3:])
