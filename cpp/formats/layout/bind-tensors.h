// Finds a model's tensors in a file under its family's names, and checks what the file holds.
#pragma once

#include "engine/error.h"
#include "formats/layout/names/tensors.h"

#include <string>
#include <vector>

namespace ggclip {

// All errors found in a model's tensors; as an exception, the first one.
class tensor_errors : public error {
  public:
    struct entry {
        error what;
        std::string tensor;  // name in the file
    };
    explicit tensor_errors(std::vector<entry> entries);
    std::vector<entry> all;
};

// Finds, checks and slices every expected tensor of `table`; fills source.tensors and source.ignored. Throws
// tensor_errors: TENSOR_MISSING, TENSOR_SHAPE, TENSOR_TYPE; MODEL_UNSUPPORTED like refuse_leftovers().
void bind_tensors(const tensor_table & table, const source_names & names, model_source & source);

// Throws MODEL_UNSUPPORTED if an `unused` tensor belongs to a present tower, whose embeddings would then lack a part of
// the model. Tensors outside the towers, or without effect on embeddings, are allowed.
void refuse_leftovers(const tensor_table & table, const source_names & names, const hparams & hp,
                      const std::vector<std::string> & unused);

// Dimension of the shared space according to the present towers' projection matrices. Throws TENSOR_MISSING,
// TENSOR_SHAPE (not a matrix, or the towers disagree).
int32_t projection_dim(const tensor_table & table, const source_names & names, const hparams & hp);

// Reads a scalar (f32, f16 or bf16, one element). false: absent. Throws TENSOR_SHAPE or TENSOR_TYPE.
bool read_scalar(const tensor_table & table, const char * name, float & value);

// Allowed matrix types: those supported by every backend's matrix product and row lookup.
bool is_matrix_type(ggml_type type);
bool is_float_type(ggml_type type);  // f32, f16, bf16

}  // namespace ggclip
