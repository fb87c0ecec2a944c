// Rows of one tensor converted to another type; weights change their element type only here.
#pragma once

#include "engine/weights/model-source.h"

#include <vector>

namespace ggclip {

// Size of `tensor` in `type` (ggml order, transposition undone).
size_t converted_size(const source_tensor & tensor, ggml_type type);

// The largest |value| of a tensor; infinite if any value is not finite.
float largest_magnitude(const source_tensor & tensor);

// Writes rows [first, first + n) of `tensor` to dst in `type`. Every conversion goes through f32. `importance`:
// per-column quantisation weights [ne0], or null.
void convert_rows(const source_tensor & tensor, ggml_type type, int64_t first, int64_t n, void * dst,
                  const float * importance = nullptr);

}  // namespace ggclip
