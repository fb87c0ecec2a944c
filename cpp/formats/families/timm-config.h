// Image towers from timm in open_clip: `timm_model_name` of open_clip_config.json -> hparams.
#pragma once

#include "formats/containers/json.h"
#include "formats/layout/tensor-names.h"

namespace ggclip {

// Number of heads, activation and norms follow from the name, as timm registers them; width, depth, MLP, patch and
// grid from the tensors. `timm_model_kwargs` (num_heads) overrides the name. Throws MODEL_UNSUPPORTED for other
// architectures than plain and SigLIP ViTs.
// `image_size`: the configuration's.
void read_timm_vision(const json_ref & config, const tensor_table & table, int32_t image_size, vision_hparams & vision,
                      source_names & names);

}  // namespace ggclip
