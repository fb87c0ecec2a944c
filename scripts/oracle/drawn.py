"""Small models whose weights are drawn by a rule that the tests know, so that only their description is kept.

A value of a tensor: centre + spread * u, where u in [-1, 1) is a hash of its index and the tensor's key (`uniform`).
`write_model` gives every tensor of a module its values, and writes `drawn.json`: file, seed, and for each tensor its shape,
centre and spread. test/oracle/drawn.cjs makes the same files again; test/reference/drawn.wide.test.ts compares.
"""

import copy
import hashlib
import json
import os

import numpy as np
import torch
from safetensors.numpy import save

SEED = 1


def uniform(seed, name, count):
    """[count] in [-1, 1): murmur3's 32-bit finaliser over index * 0x9e3779b9 + key."""
    key = int.from_bytes(hashlib.sha256(f'{seed}/{name}'.encode()).digest()[:4], 'little')
    with np.errstate(over='ignore'):
        h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(key)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return h.astype(np.float64) / 2**31 - 1


def rule(name, shape):
    """Centre and spread that keep a small network from being degenerate: biases, uneven norms, lively attention."""
    low = name.lower()
    last = low.rsplit('.', 1)[-1]
    if last == 'logit_scale':
        return 4.2, 0.0
    if last == 'temperature':
        return 0.015, 0.0
    if last == 'logit_bias':
        return -7.25, 0.0
    if last == 'running_var':
        return 1.0, 0.6
    if last in ('gamma', 'lambda1') or '.ls' in low or 'layer_scale' in low:
        return 0.5, 0.4
    if last == 'weight' and len(shape) == 1:
        return 1.0, 0.4
    if len(shape) < 2 or last == 'bias' or last.endswith('_bias'):
        return 0.0, 0.3
    if any(part in low for part in ('token', 'embeddings.weight', 'shared.weight', 'pos', 'probe', 'latent', 'query')) and 'proj' not in low:
        return 0.0, 0.7
    fan_in = shape[0] if last in ('proj', 'text_projection') else int(np.prod(shape[1:]))
    return 0.0, 2.0 / fan_in**0.5


def values(seed, name, shape, centre, spread):
    count = int(np.prod(shape, dtype=np.int64))
    return (centre + spread * uniform(seed, name, count)).astype(np.float32).reshape(shape)


def pictures(seed, count, channels, height, width):
    """[count, channels, height, width]: unlike members, none of them symmetric."""
    z = uniform(seed, 'pixel_values', count * channels * height * width).reshape(count, channels, height, width)
    x, y = np.arange(width) / width, np.arange(height) / height
    ramp = x[None, :] - y[:, None]
    scale = (np.arange(count) + 1.0)[:, None, None, None]
    return torch.from_numpy((z + ramp * scale).astype(np.float32))


def write_model(directory, module, file='model.safetensors', seed=SEED, names=lambda name: name, only=lambda name: True, rule=rule):
    """Draws every parameter and persistent buffer of the module in place. names: from the module's names to the file's;
    only: of the file's names. Integer buffers and buffers that are no statistics of a norm keep their values (kept.safetensors)."""
    os.makedirs(directory, exist_ok=True)
    parameters = dict(module.named_parameters(remove_duplicate=False))
    drawn, kept, seen = {}, {}, set()
    with torch.no_grad():
        for name, tensor in module.state_dict(keep_vars=True).items():
            stored = names(name)
            if stored is None or not only(stored) or tensor.data_ptr() in seen and tensor.numel():
                continue
            seen.add(tensor.data_ptr())
            shape = tuple(tensor.shape)
            if name in parameters or name.endswith(('running_mean', 'running_var')):
                centre, spread = rule(stored, shape)
                tensor.copy_(torch.from_numpy(values(seed, stored, shape, centre, spread)))
                drawn[stored] = [list(shape), centre, spread]
            else:
                kept[stored] = tensor.detach().numpy()
    if kept:
        write_tensors(directory, 'kept.safetensors', kept)
    write_json(directory, 'drawn.json', {'file': file, 'seed': seed, 'tensors': drawn}, indent=None)
    return module.eval()


def write_expected(directory, seed=SEED, encode_image=None, size=None, count=2, encode_text=None, texts=(), ids=None, channels=3, states=None, **more):
    """encode_*: from float64 pixels and from ids [n, n_ctx] to un-normalised embeddings. size: of the pictures, side or (height, width).
    states: from `encode`, `inputs` of one picture or text and the tower's name to its states by name, of which the first's are kept. more: for expected.json."""
    tensors, info = {}, {'texts': list(texts), **more}
    with torch.no_grad():
        if encode_image:
            height, width = (size, size) if isinstance(size, int) else size
            info['pictures'] = {'seed': seed, 'shape': [count, channels, height, width]}
            pixels = pictures(seed, count, channels, height, width).double()
            tensors['image_embeds'] = encode_image(pixels)
            tensors |= {f'debug.{name}': state for name, state in (states(encode_image, pixels[:1], 'vision') if states else {}).items()}
        if encode_text:
            tensors['input_ids'] = torch.as_tensor(ids)
            tensors['text_embeds'] = encode_text(torch.as_tensor(ids))
            tensors |= {f'debug.{name}': state for name, state in (states(encode_text, torch.as_tensor(ids)[:1], 'text') if states else {}).items()}
    arrays = {name: t.detach().numpy().astype(np.float32 if t.is_floating_point() else np.int32) for name, t in tensors.items()}
    write_tensors(directory, 'expected.safetensors', arrays)
    write_json(directory, 'expected.json', info)


def write_tensors(directory, name, arrays):
    with open(os.path.join(directory, name), 'wb') as file:
        file.write(save({key: np.ascontiguousarray(array) for key, array in arrays.items()}))


def in_double(module):
    return copy.deepcopy(module).double().eval()


def write_json(directory, name, value, indent=1):
    with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
        json.dump(value, file, indent=indent, ensure_ascii=False)
        file.write('\n')
