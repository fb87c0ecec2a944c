"""The preprocess folder: images + expected outputs. Usage: gen_preprocess.py OUT_DIR PHOTO_DIR
PHOTO_DIR: preprocess of test/fixtures/oracle (test images of the rclip project, MIT; the licence is beside them)"""
import os, shutil, sys
import numpy as np
from PIL import Image
sys.path.insert(0, os.path.dirname(__file__))
from oraclelib import *
from preproc_lib import *

SEED = 20261123
OUT, PHOTOS = sys.argv[1], sys.argv[2]
IMG = f"{OUT}/images"
shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(IMG)


def picture(name, w, h, noise=12):
    """smooth colours + shapes + mild noise"""
    r = rng_for(SEED, name)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float64)
    u, v = xx / max(1, w - 1), yy / max(1, h - 1)
    a = np.stack([127 + 100 * np.sin(2 * np.pi * (u * r.uniform(-3, 3) + v * r.uniform(-3, 3)) + r.uniform(0, 6)) for _ in range(3)], -1)
    for _ in range(6):
        cx, cy, rad = r.uniform(0, w), r.uniform(0, h), r.uniform(.05, .25) * max(4, min(w, h))
        m = (xx - cx) ** 2 + (yy - cy) ** 2 < rad * rad
        a[m] = r.uniform(0, 255, 3)
    for _ in range(4):
        x0, y0 = int(r.uniform(0, w)), int(r.uniform(0, h))
        a[y0:y0 + max(1, h // 7), x0:x0 + max(1, w // 7)] = r.uniform(0, 255, 3)
    if noise:
        a = a + r.normal(0, noise, a.shape)
    return np.clip(np.round(a), 0, 255).astype(np.uint8)


def png(name, arr, mode=None):
    im = Image.fromarray(arr) if mode is None else Image.fromarray(arr, mode)
    im.save(f"{IMG}/{name}", optimize=True)


png("one_pixel_1x1.png", np.array([[[201, 40, 99]]], np.uint8))
png("narrow_3x500.png", rng_for(SEED, "n").integers(0, 256, (500, 3, 3), dtype=np.uint8))
png("flat_500x3.png", rng_for(SEED, "f").integers(0, 256, (3, 500, 3), dtype=np.uint8))
png("exact_224x224.png", picture("exact", 224, 224))
png("odd_225x224.png", picture("odd", 225, 224))
png("upscale_50x37.png", picture("up", 50, 37))
png("noise_301x207.png", rng_for(SEED, "noise").integers(0, 256, (207, 301, 3), dtype=np.uint8))
png("checker_511x512.png", np.repeat((((np.add.outer(np.arange(512), np.arange(511))) % 2) * 255).astype(np.uint8)[..., None], 3, -1))
png("tall_300x900.png", picture("tall", 300, 900, 0))
png("large_2000x1500.png", picture("large", 2000, 1500, 0))
png("gray_L_320x200.png", picture("gray", 320, 200)[..., 0])
rgba = np.concatenate([picture("rgba", 260, 240), np.zeros((240, 260, 1), np.uint8)], -1)
yy, xx = np.mgrid[0:240, 0:260]
rgba[..., 3] = np.where((xx // 40 + yy // 40) % 3 == 0, 0, np.where((xx // 40 + yy // 40) % 3 == 1, 255, (xx * 255 // 259)))
png("rgba_260x240.png", rgba)
la = np.stack([picture("la", 230, 250)[..., 0], (yy[:1, :230] * 0 + np.linspace(0, 255, 230)).repeat(250, 0).astype(np.uint8)], -1)
png("gray_alpha_LA_230x250.png", la)
Image.fromarray(picture("pal", 280, 190, 0)).quantize(32).save(f"{IMG}/palette_P_280x190.png", optimize=True)
p = Image.fromarray(picture("palt", 240, 190, 0)).quantize(16)
p.save(f"{IMG}/palette_transparent_P_240x190.png", transparency=3, optimize=True)
Image.fromarray(picture("bits", 256, 200)[..., 1] > 127).save(f"{IMG}/bilevel_1_256x200.png")
Image.fromarray(picture("jpg", 640, 480)).save(f"{IMG}/synthetic_640x480.jpg", quality=88)            # 4:2:0
Image.fromarray(picture("webpl", 333, 222)).save(f"{IMG}/lossy_333x222.webp", quality=75)
Image.fromarray(picture("webpll", 123, 234, 3)).save(f"{IMG}/lossless_123x234.webp", lossless=True)
for n in ("photo_bee_384x256.jpg", "photo_books_384x576.jpg", "photo_boats_384x256.png", "photo_tree_171x256.webp", "photo_cat_384x256.jpg"):
    shutil.copy(f"{PHOTOS}/images/{n}", f"{IMG}/{n}")

shutil.copy(f"{PHOTOS}/LICENSE-photos-rclip.txt", OUT)
names = sorted(os.listdir(IMG))


def opener(n):
    im = Image.open(f"{IMG}/{n}")
    im.load()
    return im


lossy = [n for n in names if n.endswith((".jpg", ".webp"))]
raw = [n for n in names if n != "large_2000x1500.png" and n != "checker_511x512.png"]
raw = [n for n in raw if n in lossy or os.path.getsize(f"{IMG}/{n}") < 60_000 or "P_" in n or "A_" in n or "rgba" in n]
f32 = [("hf_clip_224", "photo_boats_384x256.png", lambda im: hf_clip_f32(im, 224)),
       ("openclip_shortest_224", "upscale_50x37.png", lambda im: openclip_f32(im, 224)),
       ("siglip_bicubic_224", "noise_301x207.png", lambda im: siglip_f32(im, 224, BICUBIC)),
       ("hf_clip_64", "odd_225x224.png", lambda im: hf_clip_f32(im, 64)),
       ("hf_clip_64", "photo_cat_384x256.jpg", lambda im: hf_clip_f32(im, 64))]
big = {"hf_clip_224", "siglip_bicubic_224"}
idx = write_expected(OUT, names, opener, raw_names=raw, f32=f32)
for n, i in idx.items():
    print(n, i["mode"], i["width"], i["height"], i.get("pipelines", ""))

# how far the torchvision ("fast") processor of transformers 5, the default there, is from the PIL one
from transformers.models.clip.image_processing_clip import CLIPImageProcessor
fast = CLIPImageProcessor(do_rescale=False, do_normalize=False)
st = {}
for n in names:
    a = np.asarray(fast(white_composite(opener(n)))["pixel_values"][0]).transpose(1, 2, 0).astype(int)
    b = hf_clip_u8(white_composite(opener(n)), 224).astype(int)
    d = np.abs(a - b)
    st[n] = {"max_abs": int(d.max()), "mean_abs": round(float(d.mean()), 4)}
jdump(f"{OUT}/torchvision_vs_pil.json", {"what": "uint8 difference of CLIPImageProcessor (torchvision backend, default of transformers 5) and CLIPImageProcessorPil", "per_image": st})
print(st)
