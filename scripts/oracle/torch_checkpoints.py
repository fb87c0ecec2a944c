"""PyTorch checkpoints as training tools and OpenAI write them, for the reader that runs no Python.

python torch_checkpoints.py REFERENCE OUT     (REFERENCE: test/fixtures/reference)

OUT/open-clip-epoch/     what open_clip's training writes: {epoch, state_dict: {module.*}, optimizer}, with transposed
                         and sliced tensors; the weights of REFERENCE/small-open-clip
OUT/openai/model.pt      a TorchScript archive with the attributes of OpenAI's, half precision, and expected.safetensors
"""

import collections
import os
import shutil
import sys
import zipfile

import torch
from safetensors.torch import load_file, save_file

from random_weights import randomise


def open_clip_epoch(reference, out):
    os.makedirs(out, exist_ok=True)
    for name in ('open_clip_config.json',):
        shutil.copy(os.path.join(reference, name), out)
    state = collections.OrderedDict(load_file(os.path.join(reference, 'open_clip_model.safetensors')))
    state['text_projection'] = torch.nn.Parameter(state['text_projection'].t().contiguous().t())
    weight, bias = 'visual.ln_pre.weight', 'visual.ln_pre.bias'
    both = torch.stack([state[weight], state[bias]])  # two views of one storage, the second with an offset
    state[weight], state[bias] = both[0], both[1]
    state['visual.class_embedding'] = state['visual.class_embedding'].repeat_interleave(2)[::2]  # every second value
    checkpoint = {
        'epoch': 3,
        'name': 'small-open-clip',
        'state_dict': collections.OrderedDict((f'module.{key}', value) for key, value in state.items()),
        'optimizer': {'state': {0: {'step': 7.0}}, 'param_groups': [{'lr': 1e-3, 'betas': (0.9, 0.98), 'amsgrad': False}]},
        'scaler': None,
    }
    torch.save(checkpoint, os.path.join(out, 'open_clip_pytorch_model.bin'))


class Named(torch.nn.Module):
    """Parameters under OpenAI's names; what the modules compute is of no interest here."""

    def forward(self, x: torch.Tensor):
        return x


class Mlp(Named):
    def __init__(self, width, hidden):
        super().__init__()
        self.c_fc = torch.nn.Linear(width, hidden)
        self.c_proj = torch.nn.Linear(hidden, width)


class Block(Named):
    def __init__(self, width, hidden):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(width, width // 64)
        self.ln_1 = torch.nn.LayerNorm(width)
        self.mlp = Mlp(width, hidden)
        self.ln_2 = torch.nn.LayerNorm(width)


class Transformer(Named):
    def __init__(self, width, hidden):
        super().__init__()
        self.resblocks = torch.nn.Sequential(Block(width, hidden))


class Visual(Named):
    def __init__(self, width, hidden, patch, grid, dim):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = torch.nn.Parameter(torch.zeros(width))
        self.positional_embedding = torch.nn.Parameter(torch.zeros(grid * grid + 1, width))
        self.ln_pre = torch.nn.LayerNorm(width)
        self.transformer = Transformer(width, hidden)
        self.ln_post = torch.nn.LayerNorm(width)
        self.proj = torch.nn.Parameter(torch.zeros(width, dim))


class OpenAi(Named):
    input_resolution: int
    context_length: int
    vocab_size: int

    def __init__(self, width=64, hidden=16, patch=4, grid=2, dim=16, context=12, vocab=100):
        super().__init__()
        self.input_resolution, self.context_length, self.vocab_size = patch * grid, context, vocab
        self.visual = Visual(width, hidden, patch, grid, dim)
        self.transformer = Transformer(width, hidden)
        self.token_embedding = torch.nn.Embedding(vocab, width)
        self.positional_embedding = torch.nn.Parameter(torch.zeros(context, width))
        self.ln_final = torch.nn.LayerNorm(width)
        self.text_projection = torch.nn.Parameter(torch.zeros(width, dim))
        self.logit_scale = torch.nn.Parameter(torch.zeros([]))


def openai(out):
    from open_clip.model import CLIP

    os.makedirs(out, exist_ok=True)
    torch.manual_seed(5)
    model = randomise(OpenAi().eval(), 11).half()
    whole = os.path.join(out, 'whole.pt')
    torch.jit.script(model).save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(os.path.join(out, 'model.pt'), 'w') as target:
        for entry in source.infolist():
            if '/code/' not in entry.filename:  # half of the file, and never read
                target.writestr(entry, source.read(entry))
    os.remove(whole)
    reference = CLIP(
        embed_dim=16,
        quick_gelu=True,
        vision_cfg=dict(image_size=8, layers=1, width=64, head_width=64, patch_size=4, mlp_ratio=0.25),
        text_cfg=dict(context_length=12, vocab_size=100, width=64, heads=1, layers=1, mlp_ratio=0.25),
    )
    reference.load_state_dict({key: value.double() for key, value in model.state_dict().items()}, strict=False)
    reference = reference.double().eval()
    pixels = torch.randn(2, 3, 8, 8)
    ids = torch.tensor([[98, 5, 17, 40, 99] + [0] * 7, [98, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99]])
    with torch.no_grad():
        expected = {
            'pixel_values': pixels,
            'input_ids': ids.int(),
            'image_embeds': reference.encode_image(pixels.double()).float(),
            'text_embeds': reference.encode_text(ids).float(),
        }
    save_file(expected, os.path.join(out, 'expected.safetensors'))


if __name__ == '__main__':
    open_clip_epoch(os.path.join(sys.argv[1], 'small-open-clip'), os.path.join(sys.argv[2], 'open-clip-epoch'))
    openai(os.path.join(sys.argv[2], 'openai'))
