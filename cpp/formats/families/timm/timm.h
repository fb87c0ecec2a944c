// timm's image towers: in open_clip, by `timm_model_name` of open_clip_config.json, and alone, as timm saves them.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/layout/names/tensors.h"

#include <string>

namespace ggclip {

// config.cpp. Number of heads, activation and norms follow from the name, as timm registers them; width, depth, MLP,
// patch and grid from the tensors. `timm_model_kwargs` (num_heads) overrides the name. Throws MODEL_UNSUPPORTED for
// other architectures than those of this room and of conv/.
// `image_size`: the configuration's.
void read_timm_vision(const json_ref & config, const tensor_table & table, int32_t image_size, vision_hparams & vision,
                      source_names & names);

// --- eva.cpp: timm's Eva class (timm/models/eva.py): EVA, EVA02, Perception Encoder ----------------------------------

bool is_timm_eva(const std::string & name);

// `name`: one that is_timm_eva() knows. Fills everything that width, patches, depth, pooling and projection do not
// decide; returns the architecture's own pooling ("token", "avg", "map"). Throws MODEL_UNSUPPORTED.
std::string read_timm_eva(const std::string & name, const tensor_table & table, const std::string & trunk,
                          vision_hparams & vision, source_names & names);

// --- hybrid.cpp: ViTs whose patches come from a convolutional stem: MobileCLIP's B and ViTamin -----------------------

// `name`: timm_model_name
bool is_timm_hybrid(const std::string & name);

// Everything but projection and grid. Returns the architecture's own pooling as timm names it.
std::string read_timm_hybrid(const std::string & name, const tensor_table & table, const std::string & trunk,
                             vision_hparams & vision, source_names & names);

// --- alone.cpp: timm's own checkpoints: an image tower alone, as `timm/*` repositories hold it -----------------------

// Of config.json beside model.safetensors (timm/models/_hub.py, save_config_for_hf).
bool is_timm_config(const json_ref & config);

// What open_clip's configuration of the same tower would say. Throws CONFIG_INVALID; MODEL_UNSUPPORTED for a
// classifier. `table`: with timm's own names.
json_value open_clip_config_of_timm(const json_ref & config, const tensor_table & table);

// All tensors within visual.trunk, where open_clip has them.
tensor_table with_trunk_names(const tensor_table & table);

// What open_clip's configuration cannot say: pictures are resized to more than the tower sees and cropped.
void finish_timm_alone(const json_ref & config, hparams & hp);

}  // namespace ggclip
