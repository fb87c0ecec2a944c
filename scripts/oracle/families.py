"""Small random models of every family and layout beyond plain CLIP, each with what PyTorch makes of it.

python families.py OUT [NAME...]     (requirements.txt; a minute)

All of them are kept in test/fixtures/reference/families; test/reference/families.test.ts reads any such folder
(GGCLIP_FAMILIES=OUT for others).
"""

import os
import shutil
import sys

import transformers

from expected import write_picture
from family_open_clip import OPEN_CLIP, make_open_clip
from family_transformers import (
    make_chinese_clip, make_mclip, make_metaclip2, make_siglip2_fixed, make_siglip2_naflex, make_tiny_clip_auto)

MAKERS = {name: (lambda d, s, p, spec=spec: make_open_clip(d, s, p, **spec)) for name, spec in OPEN_CLIP.items()}
MAKERS.update({
    'siglip-2-fixed': make_siglip2_fixed,
    'siglip-2-naflex': make_siglip2_naflex,
    'metaclip-2-hf': make_metaclip2,
    'chinese-clip': make_chinese_clip,
    'tiny-clip-auto': make_tiny_clip_auto,
    'm-clip': make_mclip,
})


def main(out, names):
    transformers.utils.logging.disable_progress_bar()
    os.makedirs(out, exist_ok=True)
    picture = os.path.join(out, 'picture.png')
    write_picture(picture)
    write_picture(os.path.join(out, 'picture-wide.png'), 131, 40)
    for seed, (name, make) in enumerate(MAKERS.items(), 900):
        if names and name not in names:
            continue
        directory = os.path.join(out, name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        make(directory, seed, picture)
        size = sum(os.path.getsize(os.path.join(directory, file)) for file in os.listdir(directory))
        print(f'{name}: {size / 1e3:.0f} kB', flush=True)


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
