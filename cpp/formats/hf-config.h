// Hugging Face configuration (config.json, preprocessor_config.json) -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/json.h"

#include <string>

namespace ggclip {

// Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
// `present` says which towers the configuration describes. `preprocessor` may be absent (family defaults).
hparams read_hf_config(const json_ref & config, const json_ref & preprocessor);

// true: config.json is of a family this reader knows or should complain about (it has a `model_type`)
bool is_hf_config(const json_ref & config);

}  // namespace ggclip
