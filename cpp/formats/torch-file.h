// Reads PyTorch checkpoints: zip archives with a pickle and one file for each storage (torch.save since 1.6), and the
// parameters of TorchScript archives. No code of a file is run: formats/pickle.h says what is read.
#pragma once

#include "formats/raw-tensor.h"

#include <string>

namespace ggclip {

// true: a zip archive, a pickle of the old layout or a tar archive, which read_torch knows or refuses by name
bool is_torch_file(const uint8_t * data, size_t size);

// Adds the tensors of one file, names without what training tools put before all of them ("module.", ...).
// Throws FILE_*, MODEL_UNSUPPORTED (old layout; a Python class that is none of the accepted), TENSOR_DUPLICATE.
void read_torch(const std::string & path, tensor_table & table);

// Adds the tensors of all shards named by a *.bin.index.json.
void read_torch_index(const std::string & path, tensor_table & table);

}  // namespace ggclip
