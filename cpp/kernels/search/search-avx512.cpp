// Dot products for x86 with AVX-512, selected at run time. Tiles of 4 queries by 4 rows use 21 of the 32 registers: 16
// sums, 4 row vectors, converted to float once for the queries, and a part of a query. What a row has beyond its last
// 16 values is loaded under a mask, so that no row is read past its end.
#include "kernels/search/search-tiles.h"

#if (defined(__x86_64__) || defined(_M_X64)) && !defined(GGCLIP_EMULATE)  // emulated levels run on any CPU

#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of lanes that its own header leaves undefined and never uses
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define GGCLIP_TARGET_AVX512  // MSVC accepts intrinsics of any level everywhere
#else
#define GGCLIP_TARGET_AVX512 __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#endif

namespace ggclip::kernels {

namespace {

template <element_type T>
struct element;
template <>
struct element<element_type::f32> {
    using type = float;
    GGCLIP_TARGET_AVX512 static __m512 load(const float * at) { return _mm512_loadu_ps(at); }
    GGCLIP_TARGET_AVX512 static __m512 load_first(const float * at, __mmask16 lanes) {
        return _mm512_maskz_loadu_ps(lanes, at);
    }
};
template <>
struct element<element_type::f16> {
    using type = uint16_t;
    GGCLIP_TARGET_AVX512 static __m512 load(const uint16_t * at) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(at)));
    }
    GGCLIP_TARGET_AVX512 static __m512 load_first(const uint16_t * at, __mmask16 lanes) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, at));
    }
};
template <>
struct element<element_type::i8> {
    using type = int8_t;
    GGCLIP_TARGET_AVX512 static __m512 to_float(__m128i bytes) {
        return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
    }
    GGCLIP_TARGET_AVX512 static __m512 load(const int8_t * at) {
        return to_float(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at)));
    }
    GGCLIP_TARGET_AVX512 static __m512 load_first(const int8_t * at, __mmask16 lanes) {
        return to_float(_mm_maskz_loadu_epi8(lanes, at));
    }
};

GGCLIP_TARGET_AVX512 inline float add_lanes(__m512 v) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

struct tile {
    static constexpr int n_query = 4;

    template <element_type T, int NQ, int NR>
    GGCLIP_TARGET_AVX512 static void dot(const float * query, const uint8_t * row, size_t stride, size_t dim,
                                         float * dots, size_t dots_stride) {
        using value = typename element<T>::type;
        const value * at[NR];
        for (int r = 0; r < NR; r++) at[r] = reinterpret_cast<const value *>(row + (size_t) r * stride);
        __m512 sum[NQ][NR];
        for (int q = 0; q < NQ; q++)
            for (int r = 0; r < NR; r++) sum[q][r] = _mm512_setzero_ps();
        size_t i = 0;
        for (; i + 16 <= dim; i += 16) {
            __m512 piece[NR];
            for (int r = 0; r < NR; r++) piece[r] = element<T>::load(at[r] + i);
            for (int q = 0; q < NQ; q++) {
                const __m512 part = _mm512_loadu_ps(query + (size_t) q * dim + i);
                for (int r = 0; r < NR; r++) sum[q][r] = _mm512_fmadd_ps(part, piece[r], sum[q][r]);
            }
        }
        if (i < dim) {
            const __mmask16 lanes = (__mmask16) ((1u << (dim - i)) - 1);
            for (int r = 0; r < NR; r++) {
                const __m512 piece = element<T>::load_first(at[r] + i, lanes);
                for (int q = 0; q < NQ; q++) {
                    const __m512 part = _mm512_maskz_loadu_ps(lanes, query + (size_t) q * dim + i);
                    sum[q][r] = _mm512_fmadd_ps(part, piece, sum[q][r]);
                }
            }
        }
        for (int q = 0; q < NQ; q++)
            for (int r = 0; r < NR; r++) dots[(size_t) q * dots_stride + (size_t) r] = add_lanes(sum[q][r]);
    }
};

}  // namespace

dot_block_fn avx512_dot_block() { return dot_block_in_tiles<tile>; }

}  // namespace ggclip::kernels

#else

namespace ggclip::kernels {
dot_block_fn avx512_dot_block() { return nullptr; }
}  // namespace ggclip::kernels

#endif
