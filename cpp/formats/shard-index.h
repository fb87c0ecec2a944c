// The index of a checkpoint in several files: { "weight_map": { tensor: file } }.
#pragma once

#include "formats/raw-tensor.h"

#include <string>

namespace ggclip {

// Reads every file that the index names, beside it, with `read`; each tensor must be where the index says.
void read_shards(const std::string & path, tensor_table & table, void (*read)(const std::string &, tensor_table &));

}  // namespace ggclip
