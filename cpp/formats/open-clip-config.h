// open_clip_config.json -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/json.h"
#include "formats/tensor-names.h"

namespace ggclip {

// Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
// `beside`: the folder's config.json (or absent), which may describe the text tower or tell the activation; `folder`
// may tell where the files come from. The tensors are asked where the configuration only names an architecture.
// `names`: what the file calls them.
hparams read_open_clip_config(const json_ref & config, const json_ref & beside, const std::string & folder, const tensor_table & table,
                              source_names & names);

}  // namespace ggclip
