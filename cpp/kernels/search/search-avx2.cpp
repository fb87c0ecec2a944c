// Dot products for x86 with AVX2, FMA and F16C, selected at run time. Tiles of 3 queries by 4 rows fill the 16
// registers: 12 sums and 4 row vectors, converted to float once for the 3 queries.
#include "kernels/search/search-tiles.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

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

struct tile {
    static constexpr int n_query = 3;

    template <element_type T, int NQ, int NR>
    GGCLIP_TARGET_AVX2 static void dot(const float * query, const uint8_t * row, size_t stride, size_t dim,
                                       float * dots, size_t dots_stride) {
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
};

}  // namespace

dot_block_fn avx2_dot_block() { return dot_block_in_tiles<tile>; }

}  // namespace ggclip::kernels

#else

namespace ggclip::kernels {
dot_block_fn avx2_dot_block() { return nullptr; }
}  // namespace ggclip::kernels

#endif
