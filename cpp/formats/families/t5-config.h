// Text towers of mT5's encoder, as open_clip takes it from transformers -> hparams.
#pragma once

#include "formats/containers/json.h"
#include "formats/containers/raw-tensor.h"

#include "engine/hparams.h"

namespace ggclip {

// Whether the tensors below `prefix` are named as MT5EncoderModel's stack.
bool is_t5_shaped(const tensor_table & table, const std::string & prefix);

// From the shapes of its tensors, which tell the heads, too. `beside`: a configuration (or absent), which counts if it
// describes this encoder; without one, what all published models of the architecture have. Leaves n_ctx to the caller.
void read_t5_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                     text_hparams & text);

}  // namespace ggclip
