// GGUF file -> model_source: our own layout and clip.cpp's (docs/gguf-layout.md).
#pragma once

#include "engine/weights/model-source.h"
#include "formats/containers/model-file.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip {

model_source open_gguf(const std::string & path, const read_options & options = {});
model_source open_gguf(std::shared_ptr<const model_file> bytes, const read_options & options = {});

}  // namespace ggclip
