// Which matrices keep more bits than the type that was asked for: the `mixed` policy of quantize().
// docs/quantization.md states it, with the measurements behind it.
#pragma once

#include "engine/weights/model-source.h"

namespace ggclip {

enum class quant_policy {
    uniform,  // every matrix gets the type asked for
    mixed,    // sensitive ones get a better one
};

// The type asked for `tensor` under the mixed policy; `wanted` where it makes no exception.
ggml_type mixed_type(const source_tensor & tensor, ggml_type wanted);

}  // namespace ggclip
