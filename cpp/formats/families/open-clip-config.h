// open_clip_config.json -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/read-options.h"
#include "formats/layout/tensor-names.h"

namespace ggclip {

// Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
struct open_clip_files {
    json_ref config;  // open_clip_config.json
    json_ref beside;  // the folder's config.json, or absent: may describe the text tower or tell the activation
    json_ref text;    // config.json of the folder that `hf_model_name` names, or absent: describes the text tower
};

// `folder` may tell where the files come from. The tensors are asked where the configuration only names an
// architecture. `names`: what the file calls them.
hparams read_open_clip_config(const open_clip_files & files, const std::string & folder, const read_options & options,
                              const tensor_table & table, source_names & names);

}  // namespace ggclip
