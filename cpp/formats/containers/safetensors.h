// Reads safetensors files: 8 bytes header length, a JSON header, tensor data.
// Source of the format and of its rules: the README of the safetensors project (no holes, no overlap,
// whole data section indexed, header at most 100 MB).
#pragma once

#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"

namespace ggclip {

// Adds the tensors of one file. Throws FILE_*, TENSOR_DUPLICATE.
void read_safetensors(std::shared_ptr<const model_file> file, tensor_table & table);

}  // namespace ggclip
