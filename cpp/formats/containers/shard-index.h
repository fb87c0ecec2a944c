// The index of a checkpoint in several files: { "weight_map": { tensor: file } }.
#pragma once

#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip {

using weight_reader = void (*)(std::shared_ptr<const model_file>, tensor_table &);

// Reads the files that the index names, beside it, with `read`, but those with nothing but tensors of a tower that is
// not wanted; each tensor must be where the index says.
void read_shards(const std::string & path, const read_options & options, tensor_table & table, weight_reader read);

}  // namespace ggclip
