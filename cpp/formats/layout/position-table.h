// Position tables that the file has for another grid, or not at all: made once while loading.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/names/tensors.h"

namespace ggclip {

// `table` with the image positions, stored for names.trained_grid patches a side, resized to hp.vision's grid as
// transformers' interpolate_pos_encoding does (the class token's stays). A table of another shape is left to
// bind_tensors to refuse.
tensor_table with_resized_positions(const tensor_table & table, const source_names & names, const hparams & hp);

// `table` with the text positions that M2M-100 and TIPS compute, of hp.text.n_positions() rows.
tensor_table with_sinusoidal_positions(const tensor_table & table, const source_names & names, const hparams & hp);

}  // namespace ggclip
