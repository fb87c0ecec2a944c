// What open_clip takes from transformers: tokenizers (`hf_tokenizer_name`) and text towers (`hf_model_name`).
#pragma once

#include "formats/containers/json.h"
#include "formats/layout/tensor-names.h"

namespace ggclip {

// `config`: text_cfg. Cleaning and special ids of a text tower whose tokenizer is transformers'; asks text.pool.
void read_hf_tokenizer(const json_ref & config, text_hparams & text);

// `beside`: the folder's config.json (or absent), which may describe the tower. Asks hp.n_proj.
void read_hf_text(const json_ref & config, const tensor_table & table, const json_ref & beside, const hparams & hp,
                  text_hparams & text, source_names & names);

}  // namespace ggclip
