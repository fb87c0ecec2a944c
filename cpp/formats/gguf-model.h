// GGUF file -> model_source: our own layout and clip.cpp's (docs/gguf-layout.md).
#pragma once

#include "engine/model-source.h"

#include <string>

namespace ggclip {

model_source open_gguf(const std::string & path);

}  // namespace ggclip
