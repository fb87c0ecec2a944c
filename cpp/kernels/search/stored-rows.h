// Rows as a search index stores them: halves, or int8 values with the row's factor (f32) after them.
#pragma once

#include "kernels/search/search.h"

#include <algorithm>
#include <cstring>

namespace ggclip::kernels {

struct stored_format {
    element_type type;  // f16 or i8
    size_t dim;
    size_t row_bytes() const { return type == element_type::f16 ? 2 * dim : dim + sizeof(float); }
};

// Calls visit(query, row, score) for every pair, each query's rows in ascending order. Never allocates.
template <class Visit>
void score_stored_rows(const float * queries, size_t n_query, const uint8_t * data, size_t n_row,
                       const stored_format & format, Visit visit, dot_block_fn dots = dot_block_for(best_level())) {
    constexpr size_t rows_at_once = 64, queries_at_once = 16;
    const size_t stride = format.row_bytes();
    float scores[queries_at_once * rows_at_once];
    float factors[rows_at_once];
    for (size_t row = 0; row < n_row; row += rows_at_once) {
        const size_t n = std::min(rows_at_once, n_row - row);
        const row_block block = {data + row * stride, format.type, n, stride};
        for (size_t r = 0; r < n; r++) {
            factors[r] = 1.0f;
            if (format.type == element_type::i8)
                std::memcpy(&factors[r], data + (row + r) * stride + format.dim, sizeof(float));
        }
        for (size_t query = 0; query < n_query; query += queries_at_once) {
            const size_t n_q = std::min(queries_at_once, n_query - query);
            dots(queries + query * format.dim, n_q, block, format.dim, scores, rows_at_once);
            for (size_t q = 0; q < n_q; q++)
                for (size_t r = 0; r < n; r++) visit(query + q, row + r, scores[q * rows_at_once + r] * factors[r]);
        }
    }
}

}  // namespace ggclip::kernels
