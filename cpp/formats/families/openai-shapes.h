// OpenAI's own checkpoints (*.pt) come without a configuration: the sizes follow from the tensors' shapes.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/names/tensors.h"
#include "formats/read-options.h"

namespace ggclip {

// true: the three counters that only OpenAI's models carry as attributes, or the names of its TorchScript archives
bool is_openai_checkpoint(const tensor_table & table);

// Source: openai/CLIP clip/model.py, build_model: image transformers and ResNets. Throws TENSOR_MISSING, TENSOR_SHAPE.
hparams read_openai_shapes(const tensor_table & table, const read_options & options, const std::string & path,
                           source_names & names);

}  // namespace ggclip
