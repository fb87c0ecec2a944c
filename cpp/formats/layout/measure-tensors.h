// What a file's tensors say about a model where its configuration only names an architecture or leaves things out.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/tensor-names.h"

namespace ggclip {

bool has_tensor(const tensor_table & table, const std::string & name);
bool has_prefix(const tensor_table & table, const std::string & prefix);

// Extent `dim` (0: fastest) of a tensor that the layout cannot do without. Throws TENSOR_MISSING or TENSOR_SHAPE (not
// n_dims dimensions, or an extent outside 1 to max).
int32_t extent_of(const tensor_table & table, const std::string & name, size_t n_dims, size_t dim, int64_t max);

// Blocks called prefix + "0.", prefix + "1.", ... without a gap; 0 when there is none. At most limits::max_layers.
int32_t count_blocks(const tensor_table & table, const std::string & prefix);

// Fills `pruned` of a tower whose blocks differ in heads or MLP width, none above what the configuration says.
void measure_pruning(const tensor_table & table, const source_names & names, hparams & hp);

// Widths, depth and vocabulary of a BERT-type text tower whose names begin with names.text_prefix.
void measure_bert(const tensor_table & table, const std::string & prefix, text_hparams & text);

}  // namespace ggclip
