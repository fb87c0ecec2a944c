// Rows of one tensor in another type: the only place where weights change their element type.
#pragma once

#include "engine/weights/model-source.h"

#include <vector>

namespace ggclip {

// Bytes of `tensor` (ggml order, transposition undone) in `type`.
size_t converted_size(const source_tensor & tensor, ggml_type type);

// The largest |value| of a tensor; infinite where one is not finite.
float largest_magnitude(const source_tensor & tensor);

// Rows [first, first + n) of `tensor` in `type`, written to dst. f32 is the intermediate of every conversion.
// `importance`: per-column weights for quantisation [ne0], or null.
void convert_rows(const source_tensor & tensor, ggml_type type, int64_t first, int64_t n, void * dst,
                  const float * importance = nullptr);

}  // namespace ggclip
