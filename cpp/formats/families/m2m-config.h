// Text towers of M2M-100's encoder (NLLB), as open_clip takes it from transformers -> hparams.
#pragma once

#include "formats/containers/json.h"
#include "formats/containers/raw-tensor.h"

#include "engine/hparams.h"

namespace ggclip {

// Whether the tensors below `prefix` are named as M2M100Encoder's.
bool is_m2m_shaped(const tensor_table & table, const std::string & prefix);

// From the shapes of its tensors. `beside`: a configuration (or absent), which counts if it describes this encoder;
// without one, what all published models of the architecture have. Leaves n_ctx and n_position to the caller.
void read_m2m_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                      text_hparams & text);

}  // namespace ggclip
