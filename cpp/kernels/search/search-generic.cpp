// Dot products in plain C++ loops that compilers vectorise (SSE2, NEON).
#include <algorithm>

#include "kernels/float16.h"
#include "kernels/search/search.h"

namespace ggclip::kernels {

namespace {

constexpr size_t n_lane = 8;   // partial sums, added up in a fixed order at the end
constexpr size_t chunk = 256;  // elements converted at once

const float * as_float(const void * row, element_type type, size_t first, size_t n, float * buffer) {
    if (type == element_type::f32) return static_cast<const float *>(row) + first;
    if (type == element_type::f16) {
        const uint16_t * half = static_cast<const uint16_t *>(row) + first;
        for (size_t i = 0; i < n; i++) buffer[i] = f16_to_float(half[i]);
    } else {
        const int8_t * byte = static_cast<const int8_t *>(row) + first;
        for (size_t i = 0; i < n; i++) buffer[i] = (float) byte[i];
    }
    return buffer;
}

void add_products(const float * a, const float * b, size_t n, float * lane) {
    size_t i = 0;
    for (; i + n_lane <= n; i += n_lane)
        for (size_t l = 0; l < n_lane; l++) lane[l] += a[i + l] * b[i + l];
    for (size_t l = 0; i < n; i++, l++) lane[l] += a[i] * b[i];
}

}  // namespace

void dot_block_generic(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                       size_t dots_stride) {
    constexpr size_t group = 8;  // queries that share a converted chunk
    float buffer[chunk];
    for (size_t q = 0; q < n_query; q += group) {
        const size_t n_group = std::min(group, n_query - q);
        for (size_t r = 0; r < rows.n_row; r++) {
            const void * at = static_cast<const uint8_t *>(rows.data) + r * rows.stride;
            float lane[group][n_lane] = {};
            for (size_t first = 0; first < dim; first += chunk) {
                const size_t n = std::min(chunk, dim - first);
                const float * values = as_float(at, rows.type, first, n, buffer);
                for (size_t g = 0; g < n_group; g++) add_products(query + (q + g) * dim + first, values, n, lane[g]);
            }
            for (size_t g = 0; g < n_group; g++) {
                float sum = 0.0f;
                for (float part : lane[g]) sum += part;
                dots[(q + g) * dots_stride + r] = sum;
            }
        }
    }
}

}  // namespace ggclip::kernels
