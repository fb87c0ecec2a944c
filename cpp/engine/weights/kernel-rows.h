// Weight types as the kernels take them: those without kernels become blocks of 32 of a type that has them.
#pragma once

#include "kernels/kernels.h"

#include <ggml.h>

#include <cstdint>

namespace ggclip {

// The type that rows of `type` have when kernels pack them: its own; q4_1 for q4_K and q5_1 for q5_K, which have the
// same values there but for the rounding of scales to f16; q8_0 for other types (q2_K, q3_K, q6_K, iq4_nl, iq4_xs),
// whose own rounding error is at least eight times what this adds.
ggml_type kernel_rows_type(ggml_type type);

kernels::weight_type kernel_type(ggml_type type);

// Writes n values of a row of `type`, a multiple of 32, as kernel_rows_type(type), which differs from it.
void to_kernel_rows(ggml_type type, const void * row, int64_t n, void * dst);

}  // namespace ggclip
