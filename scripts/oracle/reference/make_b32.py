"""Full-size ViT-B/32 (HF layout) with deterministic pseudo-random weights: make_b32.py OUT_DIR [--check] [--vocab DIR]
The same bytes come from bench/make-model.mjs; the rule is in test/fixtures/oracle/models/b32-config/WEIGHTS.md.
--check: also evaluates the model with torch and writes expected.safetensors + check.json to OUT_DIR."""
import hashlib, json, os, struct, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
M = np.uint32


def fnv1a(s):
    h = 0x811C9DC5
    for b in s.encode():
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def mix(x):                                            # 32-bit finaliser, all arithmetic modulo 2^32
    x = x ^ (x >> M(16)); x = x * M(0x7FEB352D)
    x = x ^ (x >> M(15)); x = x * M(0x846CA68B)
    return x ^ (x >> M(16))


def normal(name, start, n):
    """approximately standard normal values number start..start+n-1 of stream `name`, float64"""
    i = np.arange(start, start + n, dtype=np.uint64).astype(np.uint32) * M(0x9E3779B1)
    a, b = mix(i + M(fnv1a(name + "#a"))), mix(i + M(fnv1a(name + "#b")))
    s = (a & M(0xFFFF)).astype(np.int64) + (a >> M(16)) + (b & M(0xFFFF)) + (b >> M(16))
    return (s - 131070).astype(np.float64) / 37837.22


def rule(name):
    """(mean, std) of a tensor"""
    last = name.split(".")[-1]
    if "layer_norm" in name or "layrnorm" in name or "layernorm" in name:
        return (1.0, 0.2) if last == "weight" else (0.0, 0.1)
    w = 768 if name.startswith("vision") else 512
    if name == "logit_scale":
        return (4.605170249938965, 0.0)
    if "class_embedding" in name:
        return (0.0, 0.5)
    if "patch_embedding" in name:
        return (0.0, 0.02)
    if "position_embedding" in name:
        return (0.0, 0.3) if w == 768 else (0.0, 0.1)
    if "token_embedding" in name:
        return (0.0, 0.25)
    if "projection" in name:
        return (0.0, 1.0 / 28.0) if "visual" in name else (0.0, 1.0 / 22.0)
    f = 1.0 / 28.0 if w == 768 else 1.0 / 22.0
    if last == "bias":
        return (-0.2, 0.25) if "fc1" in name else (0.0, 0.1)
    if "q_proj" in name or "k_proj" in name:
        return (0.0, 1.4 * f)
    if "fc2" in name:
        return (0.0, 0.4 * f)
    if "fc1" in name:
        return (0.0, 1.1 * f)
    return (0.0, 0.8 * f)


def tensors():
    t = []
    for tow, w, ff in (("text_model", 512, 2048), ("vision_model", 768, 3072)):
        if tow == "text_model":
            t += [(f"{tow}.embeddings.position_embedding.weight", (77, 512)), (f"{tow}.embeddings.token_embedding.weight", (49408, 512))]
        else:
            t += [(f"{tow}.embeddings.class_embedding", (768,)), (f"{tow}.embeddings.patch_embedding.weight", (768, 3, 32, 32)), (f"{tow}.embeddings.position_embedding.weight", (50, 768))]
        for i in range(12):
            p = f"{tow}.encoder.layers.{i}"
            for n, s in (("layer_norm1", (w,)), ("layer_norm2", (w,)), ("mlp.fc1", (ff, w)), ("mlp.fc2", (w, ff)), ("self_attn.k_proj", (w, w)), ("self_attn.out_proj", (w, w)), ("self_attn.q_proj", (w, w)), ("self_attn.v_proj", (w, w))):
                t += [(f"{p}.{n}.bias", (s[0],)), (f"{p}.{n}.weight", s)]
        for n in (("final_layer_norm",) if tow == "text_model" else ("post_layernorm", "pre_layrnorm")):
            t += [(f"{tow}.{n}.bias", (w,)), (f"{tow}.{n}.weight", (w,))]
    t += [("logit_scale", ()), ("text_projection.weight", (512, 512)), ("visual_projection.weight", (512, 768))]
    return sorted(t)


def values(name, shape, start=0, n=None):
    mean, std = rule(name)
    total = int(np.prod(shape)) if shape else 1
    n = total - start if n is None else n
    return (mean + std * normal(name, start, n)).astype(np.float32)


def write(path):
    off, hdr = 0, {}
    ts = tensors()
    for n, s in ts:
        b = 4 * (int(np.prod(s)) if s else 1)
        hdr[n] = {"dtype": "F32", "shape": list(s), "data_offsets": [off, off + b]}
        off += b
    h = json.dumps(hdr, separators=(",", ":")).encode()
    h += b" " * (-len(h) % 8)
    sha = hashlib.sha256()
    with open(path, "wb") as f:
        def put(b):
            f.write(b); sha.update(b)
        put(struct.pack("<Q", len(h))); put(h)
        for n, s in ts:
            total = int(np.prod(s)) if s else 1
            for st in range(0, total, 1 << 20):
                put(values(n, s, st, min(1 << 20, total - st)).tobytes())
    return sha.hexdigest()


def pixels():
    return (1.2 * normal("input.pixel_values", 0, 2 * 3 * 224 * 224)).astype(np.float32).reshape(2, 3, 224, 224)


if __name__ == "__main__":
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    import shutil
    cfg = os.path.join(HERE, "..", "models", "b32-config")
    for f in ("config.json", "preprocessor_config.json"):
        shutil.copy(os.path.join(cfg, f), out)
    sha = write(os.path.join(out, "model.safetensors"))
    print("model.safetensors sha256", sha)
    if "--check" in sys.argv:
        sys.path.insert(0, HERE)
        import torch
        from transformers import CLIPModel
        import families as F
        from oraclelib import *
        m = CLIPModel.from_pretrained(out).eval().double()
        px = torch.from_numpy(pixels())
        ids = torch.full((3, 77), 49407)
        for r, x in enumerate([[49406, 320, 1125, 539, 320, 2368], [49406], [49406] + [(i * 7919) % 49000 for i in range(1, 76)]]):
            ids[r, :len(x)] = torch.tensor(x)
        o = F.run_two_tower(m, px.double(), ids)
        save_st(f"{out}/expected.safetensors", {"input_ids": ids, "image_embeds": o["image_embeds"], "text_embeds": o["text_embeds"], "logits_per_image": o["logits_per_image"]})
        sd = m.state_dict()
        pick = [("vision_model.embeddings.class_embedding", 0), ("vision_model.embeddings.class_embedding", 767), ("vision_model.embeddings.patch_embedding.weight", 12345),
                ("vision_model.embeddings.position_embedding.weight", 38399), ("vision_model.encoder.layers.0.self_attn.q_proj.weight", 1), ("vision_model.encoder.layers.11.mlp.fc1.weight", 2359295),
                ("vision_model.encoder.layers.11.mlp.fc1.bias", 3071), ("vision_model.pre_layrnorm.weight", 100), ("vision_model.post_layernorm.bias", 5), ("visual_projection.weight", 393215),
                ("text_model.embeddings.token_embedding.weight", 0), ("text_model.embeddings.token_embedding.weight", 25296895), ("text_model.embeddings.position_embedding.weight", 77),
                ("text_model.encoder.layers.5.self_attn.out_proj.weight", 262143), ("text_projection.weight", 31337), ("logit_scale", 0)]
        chk = [{"tensor": n, "flat_index": i, "value": float(sd[n].flatten()[i]), "float32_hex": struct.pack(">f", float(sd[n].flatten()[i])).hex()} for n, i in pick]
        for c in chk:
            shp = tuple(sd[c["tensor"]].shape)
            assert float(values(c["tensor"], shp, c["flat_index"], 1)[0]) == c["value"]
        json.dump({"model_sha256": sha, "bytes": os.path.getsize(f"{out}/model.safetensors"), "values": chk,
                   "pixels_first": pixels().flatten()[:4].astype(float).tolist(), "pixels_sha256": hashlib.sha256(pixels().tobytes()).hexdigest(),
                   "image_cosine": float(cos(o["image_embeds"][0].numpy(), o["image_embeds"][1].numpy())),
                   "text_cosine_01": float(cos(o["text_embeds"][0].numpy(), o["text_embeds"][1].numpy())),
                   "image_embeds_rms": float(o["image_embeds"].pow(2).mean().sqrt())}, open(f"{out}/check.json", "w"), indent=1)
        print(open(f"{out}/check.json").read())
