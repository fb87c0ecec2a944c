// config.json of TIPS (Google): transformers' Tipsv2Config, and the flat one of Google's own files.
#pragma once

#include "formats/families/hf-config.h"

namespace ggclip {

// Whether `type` is a model_type of TIPS, of both towers or of one.
bool is_tips_type(const std::string & type);

// As read_hf_config(), for those types.
hparams read_tips_config(const hf_files & files, const std::string & type, const read_options & options,
                         const tensor_table & table, source_names & names);

}  // namespace ggclip
