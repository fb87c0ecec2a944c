// Dot products for x86 with AVX2, FMA and F16C, selected at run time. Tiles of 3 queries by 4 rows fill the 16
// registers: 12 sums and 4 row vectors, converted to float once for the 3 queries.
#include "kernels/search/search.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/target-avx2.h"

namespace ggclip::kernels {

namespace {

template <element_type T>
struct element;
template <>
struct element<element_type::f32> {
    using type = float;
    GGCLIP_TARGET_AVX2 static __m256 load8(const float * at) { return _mm256_loadu_ps(at); }
};
template <>
struct element<element_type::f16> {
    using type = uint16_t;
    GGCLIP_TARGET_AVX2 static __m256 load8(const uint16_t * at) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at)));
    }
};
template <>
struct element<element_type::i8> {
    using type = int8_t;
    GGCLIP_TARGET_AVX2 static __m256 load8(const int8_t * at) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(at));
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
    }
};

GGCLIP_TARGET_AVX2 inline float add_lanes(__m256 v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

template <element_type T, int NQ, int NR>
GGCLIP_TARGET_AVX2 void dot_tile(const float * query, const uint8_t * row, size_t stride, size_t dim, float * dots,
                                 size_t dots_stride) {
    using value = typename element<T>::type;
    const value * at[NR];
    for (int r = 0; r < NR; r++) at[r] = reinterpret_cast<const value *>(row + (size_t) r * stride);
    __m256 sum[NQ][NR];
    for (int q = 0; q < NQ; q++)
        for (int r = 0; r < NR; r++) sum[q][r] = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= dim; i += 8) {
        __m256 piece[NR];
        for (int r = 0; r < NR; r++) piece[r] = element<T>::load8(at[r] + i);
        for (int q = 0; q < NQ; q++) {
            const __m256 part = _mm256_loadu_ps(query + (size_t) q * dim + i);
            for (int r = 0; r < NR; r++) sum[q][r] = _mm256_fmadd_ps(part, piece[r], sum[q][r]);
        }
    }
    if (i < dim) {  // the last 1 to 7 elements, zero-filled
        for (int r = 0; r < NR; r++) {
            value last[8] = {};
            std::memcpy(last, at[r] + i, (dim - i) * sizeof(value));
            const __m256 piece = element<T>::load8(last);
            for (int q = 0; q < NQ; q++) {
                float part[8] = {};
                std::memcpy(part, query + (size_t) q * dim + i, (dim - i) * sizeof(float));
                sum[q][r] = _mm256_fmadd_ps(_mm256_loadu_ps(part), piece, sum[q][r]);
            }
        }
    }
    for (int q = 0; q < NQ; q++)
        for (int r = 0; r < NR; r++) dots[(size_t) q * dots_stride + (size_t) r] = add_lanes(sum[q][r]);
}

template <element_type T, int NQ>
void dot_rows(const float * query, const row_block & rows, size_t dim, float * dots, size_t dots_stride) {
    const auto * row = static_cast<const uint8_t *>(rows.data);
    size_t r = 0;
    for (; r + 4 <= rows.n_row; r += 4)
        dot_tile<T, NQ, 4>(query, row + r * rows.stride, rows.stride, dim, dots + r, dots_stride);
    for (; r < rows.n_row; r++)
        dot_tile<T, NQ, 1>(query, row + r * rows.stride, rows.stride, dim, dots + r, dots_stride);
}

template <element_type T>
void dot_queries(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                 size_t dots_stride) {
    for (size_t q = 0; q < n_query; q += 3) {
        const float * at = query + q * dim;
        float * out = dots + q * dots_stride;
        switch (std::min<size_t>(3, n_query - q)) {
            case 3: dot_rows<T, 3>(at, rows, dim, out, dots_stride); break;
            case 2: dot_rows<T, 2>(at, rows, dim, out, dots_stride); break;
            default: dot_rows<T, 1>(at, rows, dim, out, dots_stride); break;
        }
    }
}

void dot_block_avx2(const float * query, size_t n_query, const row_block & rows, size_t dim, float * dots,
                    size_t dots_stride) {
    using e = element_type;
    switch (rows.type) {
        case e::f32: return dot_queries<e::f32>(query, n_query, rows, dim, dots, dots_stride);
        case e::f16: return dot_queries<e::f16>(query, n_query, rows, dim, dots, dots_stride);
        case e::i8: return dot_queries<e::i8>(query, n_query, rows, dim, dots, dots_stride);
    }
}

}  // namespace

dot_block_fn avx2_dot_block() { return dot_block_avx2; }

}  // namespace ggclip::kernels

#else

namespace ggclip::kernels {
dot_block_fn avx2_dot_block() { return nullptr; }
}  // namespace ggclip::kernels

#endif
