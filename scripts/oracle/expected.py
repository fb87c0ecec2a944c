"""What is written beside a model: inputs and float64 outputs of the reference."""

import copy
import json
import os

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file

MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]
TEXTS = ['a photo of a cat', '', 'Two dogs, playing in the SNOW', 'café 42', 'the end ' * 40]


def preprocessor(size):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(
        size={'shortest_edge': size},
        crop_size={'height': size, 'width': size},
        image_mean=MEAN,
        image_std=STD,
        resample=3,
    )


def write_preprocessor(directory, size):
    write_json(
        directory,
        'preprocessor_config.json',
        {
            'crop_size': {'height': size, 'width': size},
            'do_center_crop': True,
            'do_convert_rgb': True,
            'do_normalize': True,
            'do_rescale': True,
            'do_resize': True,
            'image_mean': MEAN,
            'image_std': STD,
            'image_processor_type': 'CLIPImageProcessor',
            'resample': 3,
            'rescale_factor': 1 / 255,
            'size': {'shortest_edge': size},
        },
    )


def write_json(directory, name, value):
    with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write('\n')


def write_picture(path, width=61, height=47):
    """A picture with an edge, a gradient and some noise; not square, not the model's size."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(5).integers(0, 24, (height, width))
    red = 255 * x / width
    green = np.where((x - 22) ** 2 + (y - 20) ** 2 < 180, 230, 40) + noise
    blue = 255 * y / height
    pixels = np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, optimize=True)


def pixel_values(size, seed, count=1):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    images = []
    for i in range(count):
        waves = np.stack(
            [np.sin(rng.uniform(2, 12) * x + rng.uniform(2, 12) * y + rng.uniform(0, 6)) for _ in range(3)]
        )
        images.append(waves * 1.5 if i % 2 == 0 else rng.standard_normal((3, size, size)))
    return torch.from_numpy(np.stack(images).astype(np.float32))


def pooled(output):
    for name in ('image_embeds', 'text_embeds', 'pooler_output'):
        value = getattr(output, name, None)
        if value is not None:
            return value
    return output


def states(name, blocks, run):
    """Inputs and outputs of the blocks for the first input: debug.NAME.hidden.i [tokens, width]."""
    kept, hooks = {}, []

    def keep(i, value):
        value = value[0] if isinstance(value, tuple) else value
        kept[f'debug.{name}.hidden.{i}'] = value.detach()[0]

    hooks.append(blocks[0].register_forward_pre_hook(
        lambda m, args, kwargs: keep(0, args[0] if args else kwargs['hidden_states']), with_kwargs=True))
    for i, block in enumerate(blocks):
        hooks.append(block.register_forward_hook(lambda m, args, out, i=i: keep(i + 1, out)))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return kept


def write_expected(
    directory, family, encode_image, encode_text, size, ids, scale=None, picture=None, texts=TEXTS, seed=1, process=None,
    bias=0, debug=None,
):
    """encode_*: from float64 pixels / ids to un-normalised embeddings; None: the tower is not there.
    debug: from the float64 pixels to further tensors by name."""
    tensors, info = {}, {'family': family, 'texts': texts if encode_text else []}
    with torch.no_grad():
        if encode_image:
            pixels = pixel_values(size, seed)
            tensors['pixel_values'] = pixels
            tensors['image_embeds'] = encode_image(pixels.double())
            if picture:
                image = Image.open(picture).convert('RGB')
                values = process(image) if process else np.asarray(preprocessor(size)(image)['pixel_values'][0])
                tensors['e2e.image_embeds'] = encode_image(torch.from_numpy(np.asarray(values))[None].double())
                info['e2e_images'] = [os.path.relpath(picture, directory)]
        if encode_text:
            tensors['input_ids'] = ids
            tensors['text_embeds'] = encode_text(ids)
        if encode_image and encode_text:
            unit = [t / t.norm(dim=-1, keepdim=True) for t in (tensors['image_embeds'], tensors['text_embeds'])]
            tensors['logits_per_image'] = scale * unit[0] @ unit[1].T + bias
        if debug:
            tensors.update(debug(tensors['pixel_values'].double() if encode_image else None))
    write_tensors(directory, tensors)
    write_json(directory, 'expected.json', info)


def write_tensors(directory, tensors):
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items()}
    arrays = {
        name: np.ascontiguousarray(a.astype(np.int32 if a.dtype == np.int64 else np.float32))
        for name, a in arrays.items()
    }
    save_file(arrays, os.path.join(directory, 'expected.safetensors'))


def in_double(model):
    return copy.deepcopy(model).double().eval()
