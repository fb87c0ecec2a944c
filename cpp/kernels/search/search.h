// Exact dot-product search over large row-major matrices: top k and full similarity matrices. Functions taking (ith,
// nth) do share ith of nth, may run on nth threads concurrently, and never allocate. Scores do not depend on the split:
// every dot product is summed in one fixed order.
#pragma once

#include "kernels/kernels.h"

#include <atomic>
#include <limits>

namespace ggclip::kernels {

enum class element_type { f32, f16, i8 };

struct search_matrix {
    const void * data;  // [n_row][dim] without gaps; f16 as IEEE 754 half-precision bits
    element_type type;
    size_t n_row;
    size_t dim;
    const float * scale;  // [n_row] score factors (rows quantised to int8), or null
};

// Rows that dot_block_fn multiplies: row r begins at data + r * stride.
struct row_block {
    const void * data;
    element_type type;
    size_t n_row;
    size_t stride;  // bytes
};
constexpr size_t element_bytes(element_type type) {
    return type == element_type::f32 ? 4 : type == element_type::f16 ? 2 : 1;
}

// dots[q * dots_stride + r] = sum_i query[q][i] * row[r][i], for all queries [n_query][dim] and rows.
using dot_block_fn = void (*)(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                              size_t dots_stride);

void dot_block_generic(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                       size_t dots_stride);
// Null if not in this build.
dot_block_fn avx2_dot_block();
dot_block_fn avx512_dot_block();
// For a level supported by this CPU.
dot_block_fn dot_block_for(cpu_level level);

struct top_k_args {
    const float * query;  // [n_query][matrix.dim]
    size_t n_query;
    search_matrix matrix;  // at most 2^32 - 1 rows
    size_t k;              // 1 to matrix.n_row
};

// Result order: higher score first, then lower index; NaN scores come last.
struct candidate {
    float score;
    uint32_t index;
};
bool is_better(const candidate & a, const candidate & b);
// Worse than any row's.
constexpr candidate no_candidate = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<uint32_t>::max()};
// A heap of k candidates, the worst first, that begins as k times no_candidate. Rows come in ascending order.
void offer(candidate * heap, size_t k, candidate found);

// Number of candidates in the heap shared by top_k_scan and top_k_finish.
size_t top_k_heap_size(const top_k_args & args, int nth);

// Returns false once *cancel is true (cancel may be null); results are then incomplete. All shares use the same `heap`.
bool top_k_scan(const top_k_args & args, int ith, int nth, candidate * heap, const std::atomic<bool> * cancel,
                dot_block_fn dots = dot_block_for(best_level()));

// Call after all shares: indices and scores [n_query][k], best first. Reorders `heap`.
void top_k_finish(const top_k_args & args, int nth, candidate * heap, uint32_t * indices, float * scores);

// dst[i][j] = a[i] . b[j] * scale[j]; dst is [n_a][b.n_row]. Returns like top_k_scan.
bool similarity_matrix(const float * a, size_t n_a, const search_matrix & b, float * dst, int ith, int nth,
                       const std::atomic<bool> * cancel, dot_block_fn dots = dot_block_for(best_level()));

}  // namespace ggclip::kernels
