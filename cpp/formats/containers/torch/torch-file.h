// Reads PyTorch checkpoints: zip archives with a pickle and one file per storage (torch.save since 1.6), and the
// parameters of TorchScript archives. Never executes code from a file; see pickle.h for what is read.
#pragma once

#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"

namespace ggclip {

// `head`: the file's first bytes. true: a zip archive, a pickle of the old layout or a tar archive; read_torch reads it
// or rejects it with a specific message
bool is_torch_file(const std::string & head);
constexpr size_t torch_head = 263;  // bytes needed for detection

// Adds the tensors of one file. Throws FILE_*, MODEL_UNSUPPORTED (old layout or an unknown Python class),
// TENSOR_DUPLICATE.
void read_torch(std::shared_ptr<const model_file> file, tensor_table & table);

}  // namespace ggclip
