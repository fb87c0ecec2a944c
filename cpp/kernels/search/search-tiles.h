// What the x86 levels of exact search share: queries and rows in tiles of a level's registers. Each level's file has a
// `tile` of its own in an unnamed namespace, so that no other file's code is taken for these functions.
#pragma once

#include "kernels/search/search.h"

namespace ggclip::kernels {

// Tile: n_query, and dot<element, queries, rows>(query, row, stride, dim, dots, dots_stride).
template <class Tile, element_type T, int NQ>
void dot_rows(const float * query, const row_block & rows, size_t dim, float * dots, size_t dots_stride) {
    const auto * row = static_cast<const uint8_t *>(rows.data);
    size_t r = 0;
    for (; r + 4 <= rows.n_row; r += 4)
        Tile::template dot<T, NQ, 4>(query, row + r * rows.stride, rows.stride, dim, dots + r, dots_stride);
    for (; r < rows.n_row; r++)
        Tile::template dot<T, NQ, 1>(query, row + r * rows.stride, rows.stride, dim, dots + r, dots_stride);
}

// The queries, NQ at a time, and those that are left.
template <class Tile, element_type T, int NQ>
void dot_queries(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                 size_t dots_stride) {
    size_t q = 0;
    for (; q + NQ <= n_query; q += NQ)
        dot_rows<Tile, T, NQ>(query + q * dim, rows, dim, dots + q * dots_stride, dots_stride);
    if constexpr (NQ > 1) {
        if (q < n_query)
            dot_queries<Tile, T, NQ - 1>(query + q * dim, n_query - q, rows, dim, dots + q * dots_stride, dots_stride);
    }
}

// A dot_block_fn.
template <class Tile>
void dot_block_in_tiles(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                        size_t dots_stride) {
    using e = element_type;
    constexpr int n = Tile::n_query;
    switch (rows.type) {
        case e::f32: return dot_queries<Tile, e::f32, n>(query, n_query, rows, dim, dots, dots_stride);
        case e::f16: return dot_queries<Tile, e::f16, n>(query, n_query, rows, dim, dots, dots_stride);
        case e::i8: return dot_queries<Tile, e::i8, n>(query, n_query, rows, dim, dots, dots_stride);
    }
}

}  // namespace ggclip::kernels
