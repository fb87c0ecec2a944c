// preprocessor_config.json (transformers' CLIPImageProcessor, SiglipImageProcessor) -> image_hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/json.h"

namespace ggclip {

// `config` may be absent: then the family's defaults at the tower's size.
void read_hf_preprocessor(const json_ref & config, bool siglip, int32_t image_size, image_hparams & image);

}  // namespace ggclip
