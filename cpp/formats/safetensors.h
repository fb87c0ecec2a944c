// Reads safetensors files: 8 bytes header length, a JSON header, tensor data.
// Source of the format and of its rules: the README of the safetensors project (no holes, no overlap,
// whole data section indexed, header at most 100 MB).
#pragma once

#include "formats/raw-tensor.h"

#include <string>

namespace ggclip {

// Adds the tensors of one file. Throws FILE_*, TENSOR_DUPLICATE.
void read_safetensors(const std::string & path, tensor_table & table);

// Adds the tensors of all shards named by a *.safetensors.index.json.
void read_safetensors_index(const std::string & path, tensor_table & table);

}  // namespace ggclip
