// preprocessor_config.json (transformers' CLIPImageProcessor, SiglipImageProcessor) -> image_hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"

namespace ggclip {

// The image processor class whose defaults apply to missing values.
struct image_defaults {
    enum kind_t { clip, siglip, siglip2, chinese_clip, vit, owlvit, owlv2, dinov2, dinov3, blip, tips } kind = clip;
};

// `config` may be absent: then the family's defaults at the tower's size.
void read_hf_preprocessor(const json_ref & config, image_defaults defaults, const vision_hparams & vision,
                          image_hparams & image);

}  // namespace ggclip
