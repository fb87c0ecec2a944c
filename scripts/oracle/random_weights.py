"""Seeded random weights that keep a small network from being degenerate: peaky attention, biases, uneven norms."""

import hashlib
import os

import numpy as np
import torch
from safetensors.torch import save_file


def rng_for(seed, name):
    return np.random.default_rng(int.from_bytes(hashlib.sha256(f'{seed}:{name}'.encode()).digest()[:8], 'little'))


def randomise(model, seed, logit_scale=4.2):
    """Fills every parameter by its name; the same numbers on every machine."""
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            shape = tuple(parameter.shape)
            z = rng_for(seed, name).standard_normal(shape)
            parameter.copy_(torch.from_numpy(np.asarray(_scaled(name.lower(), shape, z, logit_scale))).reshape(shape))
    return model


def rounded(model, seed):
    """Random weights that 16 bits hold exactly, so that files are small and the reference knows the same numbers."""
    model = randomise(model.eval(), seed)
    with torch.no_grad():
        if getattr(model, 'logit_bias', None) is not None:
            model.logit_bias.fill_(-7.25)
    return model.half().float()


def save_half(model, directory, name):
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items() if 'position_ids' not in k}, os.path.join(directory, name))


def _scaled(name, shape, z, logit_scale):
    is_bias = name.endswith('bias')
    if 'logit_scale' in name:
        return np.full(shape, logit_scale)
    if any(part in name for part in ('norm', 'ln_', '.ln', 'layrnorm')):
        return 0.15 * z if is_bias else 1 + 0.2 * z
    if 'class_embedding' in name or 'cls_token' in name or 'latent' in name or 'probe' in name:
        return 0.6 * z
    if 'position' in name or 'pos_embed' in name or 'token_type' in name:
        return 0.3 * z
    if 'token_embedding' in name or 'word_embeddings' in name:
        return 0.4 * z
    if is_bias:
        return (0.3 * z - 0.2) if ('fc1' in name or 'c_fc' in name) else 0.2 * z
    if len(shape) == 4:
        return z / np.sqrt(np.prod(shape[1:]))
    if 'in_proj_weight' in name:
        gain = np.repeat([1.5, 1.5, 0.9], shape[1])[:, None]
        return gain * z / np.sqrt(shape[1])
    # open_clip keeps its projections as [in, out]
    fan_in = shape[0] if name.endswith('proj') else shape[1]
    gain = 1.5 if ('q_proj' in name or 'k_proj' in name) else 1.2 if ('fc1' in name or 'c_fc' in name) else 0.9
    return gain * z / np.sqrt(fan_in)
