// The weight type of each tensor when a model is converted to `wanted`, while loading or to a file.
#pragma once

#include "engine/weights/model-source.h"

#include <string>

namespace ggclip {

// Parses "f32", "q8_0", ...; false if ggclip does not convert to that type.
bool parse_weight_type(const std::string & name, ggml_type * type);

// The policy, one rule per line (explained in docs/gguf-layout.md):
// - vectors (norms, biases, class embedding, probe), position and token type tables stay f32
// - the patch embedding, which sees raw pixels, stays at f16 or better
// - every other matrix becomes `wanted` if its rows fill whole blocks, else the nearest type with blocks of 32, else
// f16
ggml_type weight_type_for(const source_tensor & tensor, ggml_type wanted);

}  // namespace ggclip
