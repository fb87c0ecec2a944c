// Reads PyTorch checkpoints: zip archives with a pickle and one file for each storage (torch.save since 1.6), and the
// parameters of TorchScript archives. No code of a file is run: formats/pickle.h says what is read.
#pragma once

#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"

namespace ggclip {

// `head`: the file's first bytes. true: a zip archive, a pickle of the old layout or a tar archive, which read_torch
// knows or refuses by name
bool is_torch_file(const std::string & head);
constexpr size_t torch_head = 263;  // bytes that tell

// Adds the tensors of one file. Throws FILE_*, MODEL_UNSUPPORTED (old layout; a Python class that is none of the
// accepted), TENSOR_DUPLICATE.
void read_torch(std::shared_ptr<const model_file> file, tensor_table & table);

}  // namespace ggclip
