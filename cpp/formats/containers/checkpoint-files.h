// Reads weights: which files of a folder hold them, safetensors, and checkpoints in several files. PyTorch's files:
// torch/torch-file.h.
#pragma once

#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"
#include "formats/read-options.h"

#include <string>
#include <vector>

namespace ggclip {

enum class preference { hugging_face, open_clip };

// Reads the weights of a folder: safetensors of either library before PyTorch's zip archives, single or sharded, in
// each the names of the preferred library first; names of tensors without wrappers (raw-tensor.h). Returns the file (or
// index) that it took; FILE_NOT_FOUND when there is none.
std::string read_folder_weights(const std::string & folder, preference library, const read_options & options,
                                tensor_table & table);

// Reads one file of weights by its contents: safetensors or PyTorch.
void read_weight_file(std::shared_ptr<const model_file> file, tensor_table & table);

// safetensors.cpp. Adds the tensors of one file: 8 bytes header length, a JSON header, tensor data.
// Source of the format and of its rules: the README of the safetensors project (no holes, no overlap, whole data
// section indexed, header at most 100 MB). Throws FILE_*, TENSOR_DUPLICATE.
void read_safetensors(std::shared_ptr<const model_file> file, tensor_table & table);

// shard-index.cpp: the index of a checkpoint in several files, { "weight_map": { tensor: file } }. Reads the files that
// it names, beside it, with `read`, but those with nothing but tensors of a tower that is not wanted; each tensor must
// be where the index says.
using weight_reader = void (*)(std::shared_ptr<const model_file>, tensor_table &);
void read_shards(const std::string & path, const read_options & options, tensor_table & table, weight_reader read);

}  // namespace ggclip
