// Hugging Face configuration of jina-clip-v1 and -v2 -> hparams.
#pragma once

#include "formats/families/hf-config.h"

namespace ggclip {

hparams read_jina_config(const hf_files & files, const read_options & options, const tensor_table & table,
                         source_names & names);

}  // namespace ggclip
