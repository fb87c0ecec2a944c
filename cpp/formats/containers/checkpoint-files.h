// Which files of a folder hold a checkpoint's weights.
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

}  // namespace ggclip
