// Which matrices keep more bits than the requested type: the `mixed` policy of quantize().
// docs/quantization.md states it, with the measurements behind it.
#pragma once

#include "engine/weights/model-source.h"

namespace ggclip {

enum class quant_policy {
    uniform,  // every matrix gets the requested type
    mixed,    // sensitive ones get a better one
};

// The type of `tensor` under the mixed policy; `wanted` unless it is an exception.
ggml_type mixed_type(const source_tensor & tensor, ggml_type wanted);

}  // namespace ggclip
