// timm's own checkpoints: an image tower alone, as `timm/*` repositories hold it in model.safetensors, with config.json
// (timm/models/_hub.py, save_config_for_hf).
#pragma once

#include "formats/containers/json.h"
#include "formats/layout/tensor-names.h"

namespace ggclip {

bool is_timm_config(const json_ref & config);

// What open_clip's configuration of the same tower would say. Throws CONFIG_INVALID; MODEL_UNSUPPORTED for a
// classifier. `table`: with timm's own names.
json_value open_clip_config_of_timm(const json_ref & config, const tensor_table & table);

// All tensors within visual.trunk, where open_clip has them.
tensor_table with_trunk_names(const tensor_table & table);

// What open_clip's configuration cannot say: pictures are resized to more than the tower sees and cropped.
void finish_timm_alone(const json_ref & config, hparams & hp);

}  // namespace ggclip
