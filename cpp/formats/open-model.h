// Opens any model that ggclip reads.
#pragma once

#include "engine/weights/model-source.h"
#include "formats/containers/model-file.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip {

// `path` (UTF-8) is one of
// - a GGUF file: our layout or clip.cpp's
// - a directory with config.json (Hugging Face) or open_clip_config.json and weights, single or sharded: *.safetensors,
//   or zip archives of PyTorch (*.bin)
// - a file of weights in such a directory
// - a checkpoint of OpenAI's (*.pt), which needs no configuration
// Every tensor the hyper-parameters call for is there, with the right shape and a usable type; nothing of the
// tensor data has been read. Throws ggclip::error.
model_source open_model(const std::string & path, const read_options & options = {});

// One file, which may be in memory: configuration files are looked for beside its path.
model_source open_model(std::shared_ptr<const model_file> file, const read_options & options = {});

}  // namespace ggclip
