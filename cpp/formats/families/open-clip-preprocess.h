// open_clip's image preprocessing, which others have copied.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"

namespace ggclip {

// A side in pixels: a number or two equal ones.
int32_t read_side(const json_ref & value, int32_t fallback);

// preprocess_cfg, or jina-clip's preprocessor_config.json. `image_size`: where it is silent.
void read_preprocess(const json_ref & config, int32_t image_size, image_hparams & image);

}  // namespace ggclip
