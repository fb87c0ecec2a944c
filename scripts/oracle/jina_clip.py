"""jina-clip's towers in PyTorch, under the names of its checkpoints: EVA02, and BERTs after flash_attn's with ALiBi or rotary positions."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize


def rotated(x, angles, halves):
    """x [..., n, d] with pairs of values turned by angles [n, d / 2]; halves: pairs i, i + d / 2, else neighbours."""
    a, b = x.chunk(2, -1) if halves else (x[..., 0::2], x[..., 1::2])
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turned = (a * cos - b * sin, b * cos + a * sin)
    return torch.cat(turned, -1) if halves else torch.stack(turned, -1).flatten(-2)


def frequencies(base, n):
    return base ** (-torch.arange(n, dtype=torch.float64) / n)


def alibi_slopes(heads):
    """Press et al.: a geometric series for powers of two, else that of the power below and every second one of the next."""
    n = 1 << (heads.bit_length() - 1)
    series = lambda k: [2 ** (-8 * (i + 1) / k) for i in range(k)]
    return torch.tensor(series(n) + series(2 * n)[0::2][: heads - n], dtype=torch.float64)


class Adapters(nn.Module):
    """LoRA: a product for each task, beside a matrix that register_parametrization keeps as `original`."""

    def __init__(self, matrix, rank, tasks, scale, task, embedding):
        super().__init__()
        rows, columns = matrix.shape
        self.lora_A = nn.Parameter(torch.zeros(tasks, *((rows, rank) if embedding else (rank, columns))))
        self.lora_B = nn.Parameter(torch.zeros(tasks, *((rank, columns) if embedding else (rows, rank))))
        self.scale, self.task, self.embedding = scale, task, embedding

    def forward(self, matrix):
        if self.task is None:
            return matrix
        a, b = self.lora_A[self.task], self.lora_B[self.task]
        return matrix + self.scale * (a @ b if self.embedding else b @ a)


def adapt(module, **choice):
    for part in list(module.modules()):
        if isinstance(part, (nn.Linear, nn.Embedding)):
            adapters = Adapters(part.weight, embedding=isinstance(part, nn.Embedding), **choice)
            parametrize.register_parametrization(part, 'weight', adapters)


class GatedMlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.gated_layers = nn.Linear(width, 2 * inner, bias=False)
        self.wo = nn.Linear(inner, width)

    def forward(self, x):
        gate, values = self.gated_layers(x).chunk(2, -1)
        return self.wo(F.gelu(gate) * values)


class Mlp(nn.Module):
    def __init__(self, width, inner, norm=None):
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.ffn_ln = norm(inner) if norm else nn.Identity()
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x):
        return self.fc2(self.ffn_ln(F.gelu(self.fc1(x))))


class SwiGLU(nn.Module):
    def __init__(self, width, inner, norm=None):
        super().__init__()
        self.w1 = nn.Linear(width, inner)
        self.w2 = nn.Linear(width, inner)
        self.ffn_ln = norm(inner) if norm else nn.Identity()
        self.w3 = nn.Linear(inner, width)

    def forward(self, x):
        return self.w3(self.ffn_ln(F.silu(self.w1(x)) * self.w2(x)))


class Mixer(nn.Module):
    def __init__(self, width, heads, base):
        super().__init__()
        self.heads, self.base = heads, base
        self.Wqkv = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, mask):
        n = x.shape[1]
        q, k, v = self.Wqkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # [batch, head, n, d]
        place = torch.arange(n)
        bias = torch.zeros(x.shape[0], 1, 1, n, dtype=x.dtype).masked_fill(~mask[:, None, None], -torch.inf)
        if self.base:
            angles = place[:, None] * frequencies(self.base, q.shape[-1] // 2)
            q, k = rotated(q, angles, halves=True), rotated(k, angles, halves=True)
        else:
            distance = (place[:, None] - place).abs()
            bias = bias - alibi_slopes(self.heads).to(x.dtype)[:, None, None] * distance
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + bias
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class TextLayer(nn.Module):
    def __init__(self, width, heads, inner, base, eps):
        super().__init__()
        self.mixer = Mixer(width, heads, base)
        self.norm1 = nn.LayerNorm(width, eps)
        self.mlp = Mlp(width, inner) if base else GatedMlp(width, inner)
        self.norm2 = nn.LayerNorm(width, eps)

    def forward(self, x, mask):
        x = self.norm1(x + self.mixer(x, mask))
        return self.norm2(x + self.mlp(x))


class FlashBert(nn.Module):
    """base: of the rotary positions; None: ALiBi and gated MLPs."""

    def __init__(self, vocab, width, heads, inner, layers, types, eps, base=None):
        super().__init__()
        self.embeddings = nn.ModuleDict({'word_embeddings': nn.Embedding(vocab, width), 'token_type_embeddings': nn.Embedding(types, width)})
        self.emb_ln = nn.LayerNorm(width, eps)
        self.encoder = nn.ModuleDict({'layers': nn.ModuleList([TextLayer(width, heads, inner, base, eps) for _ in range(layers)])})

    def forward(self, ids, mask):
        x = self.emb_ln(self.embeddings['word_embeddings'](ids) + self.embeddings['token_type_embeddings'](torch.zeros_like(ids)))
        for layer in self.encoder['layers']:
            x = layer(x, mask)
        return x


class TextTower(nn.Module):
    """nested: below `roberta`, as with adapters."""

    def __init__(self, bert, pad, nested, out=None, pool='mean'):
        super().__init__()
        self.transformer = nn.ModuleDict({'roberta': bert}) if nested else bert
        self.pad, self.nested, self.pool = pad, nested, pool
        width = bert.emb_ln.normalized_shape[0]
        self.proj = nn.Linear(width, out, bias=False) if out else nn.Identity()

    def forward(self, ids):
        mask = ids != self.pad
        x = (self.transformer['roberta'] if self.nested else self.transformer)(ids, mask)
        weight = mask.to(x.dtype)[..., None]
        return self.proj((x * weight).sum(1) / weight.sum(1) if self.pool == 'mean' else x[:, 0])


class EvaAttention(nn.Module):
    def __init__(self, width, heads, norm, angles):
        super().__init__()
        self.heads, self.angles, self.apart = heads, angles, norm is not None
        if self.apart:
            self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width, bias=False) for _ in range(3))
        else:
            self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias, self.v_bias = (nn.Parameter(torch.zeros(width)) for _ in range(2))
        self.inner_attn_ln = norm(width) if norm else nn.Identity()
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        matrices = (self.q_proj.weight, self.k_proj.weight, self.v_proj.weight) if self.apart else self.qkv.weight.chunk(3)
        biases = (self.q_bias, None, self.v_bias)
        q, k, v = (F.linear(x, w, b).unflatten(-1, (self.heads, -1)).transpose(1, 2) for w, b in zip(matrices, biases))
        if self.angles is not None:  # the class token is not turned
            turn = lambda t: torch.cat([t[:, :, :1], rotated(t[:, :, 1:], self.angles, halves=False)], 2)
            q, k = turn(q), turn(k)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        return self.proj(self.inner_attn_ln((scores.softmax(-1) @ v).transpose(1, 2).flatten(2)))


class EvaBlock(nn.Module):
    def __init__(self, width, heads, inner, gated, subln, after, scale, angles):
        super().__init__()
        norm = lambda n: nn.LayerNorm(n, 1e-6)
        self.norm1 = norm(width)
        self.attn = EvaAttention(width, heads, norm if subln else None, angles)
        self.norm2 = norm(width)
        self.mlp = (SwiGLU if gated else Mlp)(width, inner, norm if subln else None)
        self.after = after
        if scale:
            self.gamma_1, self.gamma_2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

    def forward(self, x):
        branches = ((self.norm1, self.attn, 'gamma_1'), (self.norm2, self.mlp, 'gamma_2'))
        for norm, branch, gamma in branches:
            y = norm(branch(x)) if self.after else branch(norm(x))
            x = x + y * getattr(self, gamma, 1)
        return x


class EvaTower(nn.Module):
    """trained: patches a side that coordinates are scaled to; angles: whether they are saved with the weights."""

    def __init__(self, size, patch, width, heads, layers, ratio, gated=True, subln=True, after=False, scale=False, trained=None, rotary=True, angles=False, out=None):
        super().__init__()
        side = size // patch
        self.patch_embed = nn.ModuleDict({'proj': nn.Conv2d(3, width, patch, patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, side * side + 1, width))
        turns = None
        if rotary:
            line = torch.arange(side)[:, None] / side * (trained or side) * frequencies(10000, width // heads // 4)
            turns = torch.cat([line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)], -1).flatten(0, 1)
        if angles:
            self.rope = nn.Module()
            self.rope.register_buffer('freqs_cos', turns.cos().float().repeat_interleave(2, -1))
            self.rope.register_buffer('freqs_sin', turns.sin().float().repeat_interleave(2, -1))
        inner = int(width * ratio)
        self.blocks = nn.ModuleList([EvaBlock(width, heads, inner, gated, subln, after, scale, turns) for _ in range(layers)])
        self.norm = nn.LayerNorm(width, 1e-6)
        self.head = nn.Linear(width, out) if out else nn.Identity()

    def forward(self, pixels):
        x = self.patch_embed['proj'](pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class JinaClip(nn.Module):
    def __init__(self, text, vision, projection=None):
        super().__init__()
        self.text_model, self.vision_model = text, vision
        self.logit_scale = nn.Parameter(torch.tensor(2.6592))
        if projection:
            text_width, vision_width, out = projection
            self.text_projection = nn.Linear(text_width, out, bias=False)
            self.visual_projection = nn.Linear(vision_width, out, bias=False)

    def encode_image(self, pixels):
        x = self.vision_model(pixels)
        return self.visual_projection(x) if hasattr(self, 'visual_projection') else x

    def encode_text(self, ids):
        x = self.text_model(ids)
        return self.text_projection(x) if hasattr(self, 'text_projection') else x


def collect_states(model):
    """A function for write_expected: the states of a tower's first block and its ends, under ggclip's names."""

    def states(encode, inputs, tower):
        found, hooks = {}, []

        def keep(module, name, of=lambda given, result: result):
            hooks.append(module.register_forward_hook(lambda _, given, result: found.__setitem__(f'{tower}.{name}', of(given[0], result)[0])))

        taken = lambda given, result: given
        if tower == 'text':
            bert = model.text_model.transformer
            bert = bert['roberta'] if model.text_model.nested else bert
            keep(bert.emb_ln, 'embeddings', taken)
            keep(bert.emb_ln, 'pre_ln')
            blocks = bert.encoder['layers']
            block = blocks[0]
            for i, name in enumerate('qkv'):
                keep(block.mixer.Wqkv, f'block0.{name}', lambda given, result, i=i: result.chunk(3, -1)[i])
            attention, ends = block.mixer.out_proj, (block.norm2, blocks[-1].norm2)
            first = getattr(block.mlp, 'gated_layers', None)
            if first is not None:
                keep(first, 'block0.fc1', lambda given, result: result.chunk(2, -1)[0])
        else:
            blocks = model.vision_model.blocks
            block = blocks[0]
            attention, ends = block.attn.inner_attn_ln, (block, blocks[-1])
            keep(block, 'embeddings', taken)
            keep(block.attn.proj, 'block0.attn_out')
            keep(model.vision_model.norm, 'post_ln')
        keep(attention, 'block0.attn_ctx', taken)
        if tower == 'text':
            keep(attention, 'block0.attn_out')
        keep(block.norm1, 'block0.ln1')
        keep(block.norm2, 'block0.ln2')
        for name in ('fc1', 'w1'):
            if hasattr(block.mlp, name):
                keep(getattr(block.mlp, name), 'block0.fc1')
        keep(block.mlp, 'block0.mlp_out')
        keep(ends[0], 'hidden.1')
        keep(ends[1], f'hidden.{len(blocks)}')
        encode(inputs)
        for hook in hooks:
            hook.remove()
        return found

    return states
