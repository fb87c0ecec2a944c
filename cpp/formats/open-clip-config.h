// open_clip_config.json -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/json.h"

namespace ggclip {

// Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
hparams read_open_clip_config(const json_ref & config);

}  // namespace ggclip
