// Derives hyper-parameters from tensor shapes if the configuration only names an architecture or is incomplete.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/names/tensors.h"

namespace ggclip {

bool has_tensor(const tensor_table & table, const std::string & name);
bool has_prefix(const tensor_table & table, const std::string & prefix);

// Extent `dim` (0: fastest) of a required tensor. Throws TENSOR_MISSING or TENSOR_SHAPE (not n_dims dimensions, or an
// extent outside 1 to max).
int32_t extent_of(const tensor_table & table, const std::string & name, size_t n_dims, size_t dim, int64_t max);

// Number of consecutive blocks named prefix + "0.", prefix + "1.", ...; 0 if none. At most limits::max_layers.
int32_t count_blocks(const tensor_table & table, const std::string & prefix);

// Fills `pruned` of a tower whose blocks differ in heads or MLP width; none may exceed the configuration.
void measure_pruning(const tensor_table & table, const source_names & names, hparams & hp);

// Widths, depth and vocabulary of a BERT-type text tower with the prefix names.text_prefix.
void measure_bert(const tensor_table & table, const std::string & prefix, text_hparams & text);

}  // namespace ggclip
