"""Photographs of clothing, with their captions: used only with --photos.  Version and licence are in ../LICENSES.md."""
import os, re

import numpy as np
import torch
from PIL import Image

PHOTO_SOURCE = "alexeygrigorev/clothing-dataset-small"    # on GitHub: git clone it and name the folder with --photos
PHOTO_SIZE = 88        # photographs are stored squeezed to a square of this size, with their true width and height
PHOTO_CLASSES = {
    # folder: names   - with their article; the first one is the prompt of the evaluation,
    #         same    - labels of the emoji that name the same thing (their label captions hold for the photographs),
    #         kinds   - labels of emoji that show a kind of it (captions of the class hold for their pictures),
    #         tags    - emoji keywords that hold for every photograph of the class
    "dress": dict(names=["a dress", "a gown", "a frock", "a women's dress"], same=["dress"], kinds=["sari"], tags=["dress"]),
    "hat": dict(names=["a hat", "a cap", "headwear", "a hat or cap"], same=[],
                kinds=["woman's hat", "top hat", "billed cap", "graduation cap"], tags=["hat", "hats"]),
    "longsleeve": dict(names=["a long sleeve top", "a longsleeve", "a long-sleeved shirt", "a long sleeve t-shirt",
                              "a sweatshirt", "a long sleeve shirt"], same=[], kinds=[], tags=[]),
    "outwear": dict(names=["a jacket", "a coat", "outerwear", "outwear", "a coat or jacket"], same=["coat"],
                    kinds=["lab coat"], tags=["jacket", "coat"]),
    "pants": dict(names=["pants", "trousers", "a pair of pants", "a pair of trousers", "long pants"], same=[],
                  kinds=["jeans"], tags=["pants", "trousers"]),
    "shirt": dict(names=["a shirt", "a button-up shirt", "a dress shirt", "a collared shirt", "a button-down shirt"],
                  same=[], kinds=[], tags=["shirt", "collar"]),
    "shoes": dict(names=["shoes", "a pair of shoes", "footwear", "a shoe"], same=[],
                  kinds=["man's shoe", "running shoe", "hiking boot", "flat shoe", "high-heeled shoe", "woman's sandal",
                         "ballet shoes", "woman's boot"], tags=["shoe", "shoes"]),
    "shorts": dict(names=["shorts", "a pair of shorts", "short pants"], same=["shorts"], kinds=[], tags=[]),
    "skirt": dict(names=["a skirt", "a women's skirt"], same=[], kinds=[], tags=[]),
    "t-shirt": dict(names=["a t-shirt", "a tee shirt", "a tee", "a tshirt", "a short sleeve t-shirt"], same=["t-shirt"],
                    kinds=[], tags=["shirt", "tshirt"]),
}
PHOTO_GROUP, PHOTO_SUBGROUP, PHOTO_TAGS = "objects", "clothing", ["clothes", "clothing"]   # hold for all of them
PHOTO_TEMPLATES = [
    "{l}", "{l}", "{al}", "a photo of {al}", "a photo of {al}", "a photo of {al}", "a picture of {al}", "an image of {al}",
    "a product photo of {al}", "a photograph of {al}", "a photo of the {l}", "this is {al}", "a real photo of {al}",
    "a snapshot of {al}", "{al} on a floor", "a piece of clothing: {l}",
]


def fill_photo(template, name):
    """Like fill(), for the names above, which bring their own article."""
    return template.replace("{al}", name).replace("{l}", re.sub("^an? ", "", name))


def load_photos(folder, split):
    """folder/split/CLASS/*.jpg -> pictures (N, 3, PHOTO_SIZE, PHOTO_SIZE), their (width, height), classes, paths."""
    images, sizes, labels, paths = [], [], [], []
    for k, name in enumerate(PHOTO_CLASSES):
        for file in sorted(os.listdir(os.path.join(folder, split, name))):
            paths.append(os.path.join(folder, split, name, file))
            im = Image.open(paths[-1])
            im.draft("RGB", (2 * PHOTO_SIZE, 2 * PHOTO_SIZE))           # faster decoding of large JPEGs
            im = im.convert("RGB")
            sizes.append(im.size)
            images.append(torch.from_numpy(np.array(im.resize((PHOTO_SIZE, PHOTO_SIZE), Image.BICUBIC))))
            labels.append(k)
    return torch.stack(images).permute(0, 3, 1, 2).contiguous(), torch.tensor(sizes), torch.tensor(labels), paths


class PhotoCaptioner:
    """Captions of the photographs, and which captions hold across photographs and emoji."""

    def __init__(self, concepts):
        self.names = [c["names"] for c in PHOTO_CLASSES.values()]
        self.tags = [set(c["tags"] + PHOTO_TAGS) for c in PHOTO_CLASSES.values()]
        self.same = [{i for i, e in enumerate(concepts) if e["label"] in c["same"]} for c in PHOTO_CLASSES.values()]
        self.kinds = [{i for i, e in enumerate(concepts) if e["label"] in c["same"] + c["kinds"]}
                      for c in PHOTO_CLASSES.values()]

    def draw(self, k, rng):
        text = fill_photo(rng.choice(PHOTO_TEMPLATES), rng.choice(self.names[k]))
        return text + "." if rng.random() < 0.15 else text

    def targets(self, emoji_target, concepts, crits, classes):
        """Enlarge Captioner.targets() of the emoji of a batch by its photographs, which follow them."""
        n, k = len(concepts), torch.tensor(classes)
        m = torch.zeros(n + len(classes), n + len(classes), dtype=torch.bool)
        m[:n, :n] = emoji_target
        m[n:, n:] = k[:, None] == k                         # a caption holds for every photograph of its class
        for j, (c, crit) in enumerate(zip(concepts, crits)):
            kind, want = crit or (None, None)
            true_of = [c in self.same[i] if crit is None else
                       want <= self.tags[i] if kind == "tags" else
                       want in (PHOTO_GROUP, PHOTO_SUBGROUP) for i in range(len(self.names))]
            m[n:, j] = torch.tensor(true_of)[k]             # this emoji's caption, of the photographs
            m[j, n:] = torch.tensor([c in s for s in self.kinds])[k]     # this emoji's picture, under their captions
        return m
