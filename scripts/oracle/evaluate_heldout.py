"""Zero-shot accuracy of the emoji model in PyTorch on the held-out pictures, over their own labels.

python evaluate_heldout.py MODEL_DIR [RESULT.json]

One prompt a label ('a photo of a {label}'), the text the checkpoint was evaluated with; PIL preprocessing of the
checkpoint's preprocessor_config.json, transparency over white; the pictures of test/fixtures/heldout. What test/reference/default-model.test.ts compares ggclip with.
"""

import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from transformers import CLIPModel, CLIPTokenizerFast
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil


HELDOUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'test', 'fixtures', 'heldout')


def over_white(image):
    return Image.alpha_composite(Image.new('RGBA', image.size, (255, 255, 255, 255)), image).convert('RGB')


def unit(output):
    vectors = getattr(output, 'pooler_output', output)
    return vectors / vectors.norm(dim=-1, keepdim=True)


def main(model_dir, result=None):
    with open(os.path.join(HELDOUT, 'labels.json'), encoding='utf-8') as file:
        truth_of = json.load(file)
    truths = list(truth_of.values())
    sheet = Image.open(os.path.join(HELDOUT, 'heldout.webp')).convert('RGBA')
    tiles = [sheet.crop((x, y, x + 72, y + 72)) for y in range(0, sheet.height, 72) for x in range(0, sheet.width, 72)]
    labels = sorted(set(truths))
    model = CLIPModel.from_pretrained(model_dir, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizerFast.from_pretrained(model_dir)
    processor = CLIPImageProcessorPil.from_pretrained(model_dir)
    context = model.config.text_config.max_position_embeddings
    with torch.no_grad():
        ids = tokenizer(
            [f'a photo of a {label}' for label in labels],
            padding='max_length',
            truncation=True,
            max_length=context,
            return_tensors='pt',
        )['input_ids']
        texts = unit(model.get_text_features(input_ids=ids))
        pixels = torch.from_numpy(
            np.stack([processor(over_white(tile))['pixel_values'][0] for tile in tiles])
        )
        images = unit(model.get_image_features(pixel_values=pixels))
    order = (images @ texts.T).argsort(dim=-1, descending=True)
    truth = torch.tensor([labels.index(truth) for truth in truths])
    found = order == truth[:, None]
    report = {
        'pictures': len(tiles),
        'labels': len(labels),
        'top1': 100 * found[:, 0].float().mean().item(),
        'top5': 100 * found[:, :5].any(dim=1).float().mean().item(),
    }
    print(json.dumps(report))
    if result:
        with open(result, 'w', encoding='utf-8') as file:
            json.dump({**report, 'first': {name: labels[order[i, 0]] for i, name in enumerate(truth_of)}}, file, indent=1)
            file.write('\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
