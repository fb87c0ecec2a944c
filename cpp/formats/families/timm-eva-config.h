// timm's Eva class (timm/models/eva.py) as an image tower of open_clip: EVA, EVA02, Perception Encoder.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/tensor-names.h"

#include <string>

namespace ggclip {

bool is_timm_eva(const std::string & name);

// `name`: one that is_timm_eva() knows. Fills everything that width, patches, depth, pooling and projection do not
// decide; returns the architecture's own pooling ("token", "avg", "map"). Throws MODEL_UNSUPPORTED.
std::string read_timm_eva(const std::string & name, const tensor_table & table, const std::string & trunk,
                          vision_hparams & vision, source_names & names);

}  // namespace ggclip
