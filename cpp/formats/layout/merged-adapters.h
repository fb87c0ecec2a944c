// LoRA adapters (Hu et al. 2021) that torch.nn.utils.parametrize keeps beside each matrix, several for different tasks:
// one of them is added to the matrix when it is read.
#pragma once

#include "formats/containers/raw-tensor.h"
#include "formats/layout/names/tensors.h"

#include <string>

namespace ggclip {

// Whether tensors below `prefix` have adapters.
bool has_adapters(const tensor_table & table, const std::string & prefix);

// The table with each X.parametrizations.weight.{original,0.lora_A,0.lora_B} below `prefix` as one X.weight, an f32
// matrix: the original plus scale * B A of the chosen task, or of no task. Of a linear layer A is [n_task][rank][n_in]
// and B [n_task][n_out][rank]; of an embedding (a module called ..._embeddings) the rows are A's: A
// [n_task][n_row][rank], B [n_task][rank][n_embd]. Throws TENSOR_MISSING, TENSOR_SHAPE, TENSOR_TYPE, TENSOR_DUPLICATE.
tensor_table with_merged_adapters(const tensor_table & table, const std::string & prefix,
                                  const adapter_choice & choice);

}  // namespace ggclip
