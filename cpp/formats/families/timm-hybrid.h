// timm's ViTs whose patches come from a convolutional stem: MobileCLIP's B and ViTamin.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/tensor-names.h"

#include <string>

namespace ggclip {

// `name`: timm_model_name
bool is_timm_hybrid(const std::string & name);

// Everything but projection and grid. Returns the architecture's own pooling as timm names it.
std::string read_timm_hybrid(const std::string & name, const tensor_table & table, const std::string & trunk,
                             vision_hparams & vision, source_names & names);

}  // namespace ggclip
