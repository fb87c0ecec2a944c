"""Exports both towers of a Hugging Face CLIP directory to ONNX, in f32 and dynamically quantised int8.

usage: export_onnx.py MODEL_DIR OUT_DIR
OUT_DIR gets the layout that @huggingface/transformers reads: config files, onnx/{vision,text}_model[_quantized].onnx.
"""
import pathlib
import shutil
import sys

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import CLIPModel


class Vision(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.tower, self.projection = clip.vision_model, clip.visual_projection

    def forward(self, pixel_values):
        return self.projection(self.tower(pixel_values=pixel_values).pooler_output)


class Text(torch.nn.Module):
    def __init__(self, clip):
        super().__init__()
        self.tower, self.projection = clip.text_model, clip.text_projection

    def forward(self, input_ids):
        return self.projection(self.tower(input_ids=input_ids).pooler_output)


def main(source: pathlib.Path, target: pathlib.Path) -> None:
    clip = CLIPModel.from_pretrained(source, attn_implementation="eager").eval()
    onnx = target / "onnx"
    onnx.mkdir(parents=True, exist_ok=True)
    for file in source.glob("*.json"):
        shutil.copy(file, target / file.name)
    size = clip.config.vision_config.image_size
    ids = torch.tensor([[49406, 320, 1125, 539, 320, 2368, 49407]] * 2)
    for name, module, example, dims in [
        ("vision", Vision(clip), torch.randn(2, 3, size, size), {"pixel_values": {0: "batch"}, "image_embeds": {0: "batch"}}),
        ("text", Text(clip), ids, {"input_ids": {0: "batch", 1: "tokens"}, "text_embeds": {0: "batch"}}),
    ]:
        path = onnx / f"{name}_model.onnx"
        inputs, outputs = list(dims)
        torch.onnx.export(module, (example,), path, input_names=[inputs], output_names=[outputs], dynamic_axes=dims,
                          opset_version=17, dynamo=False)
        quantize_dynamic(path, onnx / f"{name}_model_quantized.onnx", weight_type=QuantType.QInt8)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
