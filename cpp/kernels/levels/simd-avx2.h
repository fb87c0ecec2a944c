// AVX2 + FMA + F16C: 8 lanes, 16 registers.
#pragma once

#include "kernels/levels/intrinsics.h"
#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

using vf = __m256;   // floats
using vi = __m256i;  // integers of any width

constexpr int lanes = 8;
constexpr int panel_rows = 2 * lanes;
constexpr int token_tile = 6;  // max tokens per tile: with 2 vectors of rows, 12 sums

GGCLIP_INLINE vf zero_f() { return _mm256_setzero_ps(); }
GGCLIP_INLINE vf set_f(float x) { return _mm256_set1_ps(x); }
GGCLIP_INLINE vf load_f(const float * p) { return _mm256_loadu_ps(p); }
GGCLIP_INLINE void store_f(float * p, vf x) { _mm256_storeu_ps(p, x); }
GGCLIP_INLINE vf add(vf a, vf b) { return _mm256_add_ps(a, b); }
GGCLIP_INLINE vf sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
GGCLIP_INLINE vf mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
GGCLIP_INLINE vf div(vf a, vf b) { return _mm256_div_ps(a, b); }
GGCLIP_INLINE vf fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }    // a * b + c
GGCLIP_INLINE vf fms(vf a, vf b, vf c) { return _mm256_fmsub_ps(a, b, c); }    // a * b - c
GGCLIP_INLINE vf fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }  // c - a * b
GGCLIP_INLINE vf reciprocal(vf a) { return div(set_f(1.0f), a); }
GGCLIP_INLINE vf max(vf a, vf b) { return _mm256_max_ps(a, b); }  // b if either is NaN
GGCLIP_INLINE vf min(vf a, vf b) { return _mm256_min_ps(a, b); }
GGCLIP_INLINE vf abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
GGCLIP_INLINE vf round_even(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
GGCLIP_INLINE vf to_float(vi a) { return _mm256_cvtepi32_ps(a); }
GGCLIP_INLINE vi to_int(vf a) { return _mm256_cvtps_epi32(a); }  // nearest, ties to even

// x * 2^n for integer n in -126..127.
GGCLIP_INLINE vf scale_exp2(vf x, vf n) {
    return mul(x, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(to_int(n), _mm256_set1_epi32(127)), 23)));
}
// Per lane: x < limit ? a : b; b if x is NaN.
GGCLIP_INLINE vf if_less(vf x, vf limit, vf a, vf b) {
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(x, limit, _CMP_LT_OQ));
}
// Per lane: x < 0 ? a : b, by the sign bit.
GGCLIP_INLINE vf if_negative(vf x, vf a, vf b) { return _mm256_blendv_ps(b, a, x); }

// x[i ^ 1] in lane i.
GGCLIP_INLINE vf swap_neighbours(vf x) { return _mm256_permute_ps(x, 0xb1); }

// The largest lane in all lanes.
GGCLIP_INLINE vf max_in_all(vf x) {
    x = max(x, _mm256_permute2f128_ps(x, x, 1));
    x = max(x, _mm256_permute_ps(x, 0x4e));
    return max(x, _mm256_permute_ps(x, 0xb1));
}
GGCLIP_INLINE float sum_of(vf x) {
    const __m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 b = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}
GGCLIP_INLINE float max_of(vf x) {
    const __m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 b = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_movehdup_ps(b)));
}

// The first n lanes; loads set the others to 0, stores leave them unwritten.
GGCLIP_INLINE __m256i first_lanes(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
GGCLIP_INLINE vf load_first(const float * p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
GGCLIP_INLINE void store_first(float * p, vf x, int n) { _mm256_maskstore_ps(p, first_lanes(n), x); }

GGCLIP_INLINE vf keep_first(vf x, int n) { return _mm256_and_ps(x, _mm256_castsi256_ps(first_lanes(n))); }

GGCLIP_INLINE vf load_f16(const uint16_t * p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
}
GGCLIP_INLINE vf load_bf16(const uint16_t * p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

GGCLIP_INLINE vf as_float(vi bits) { return _mm256_castsi256_ps(bits); }
GGCLIP_INLINE vi zero_i() { return _mm256_setzero_si256(); }
GGCLIP_INLINE vi set_i(int32_t x) { return _mm256_set1_epi32(x); }
GGCLIP_INLINE vi add_i(vi a, vi b) { return _mm256_add_epi32(a, b); }
GGCLIP_INLINE vi max_i(vi a, vi b) { return _mm256_max_epi32(a, b); }
GGCLIP_INLINE vi magnitude_bits(vf a) {
    return _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x7fffffff));
}
// The float with the largest bit pattern.
GGCLIP_INLINE float max_of_bits(vi x) {
    const __m128i a = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    const __m128i b = _mm_max_epi32(a, _mm_unpackhi_epi64(a, a));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(b, _mm_shuffle_epi32(b, 1))));
}
GGCLIP_INLINE vi load_i(const void * p) { return _mm256_loadu_si256(static_cast<const __m256i *>(p)); }
GGCLIP_INLINE void store_i(void * p, vi x) { _mm256_storeu_si256(static_cast<__m256i *>(p), x); }
GGCLIP_INLINE vi broadcast_32(const void * p) {
    return _mm256_castps_si256(_mm256_broadcast_ss(static_cast<const float *>(p)));
}
// Two consecutive groups of 4 bytes, each in all lanes.
GGCLIP_INLINE void broadcast_two(const void * p, vi & first, vi & second) {
    first = broadcast_32(p);
    second = broadcast_32(static_cast<const uint8_t *>(p) + 4);
}

// Products of unsigned and signed bytes; adjacent pairs are added in 16-bit lanes with saturation.
GGCLIP_INLINE vi multiply_bytes(vi unsigned_bytes, vi signed_bytes) {
    return _mm256_maddubs_epi16(unsigned_bytes, signed_bytes);
}
GGCLIP_INLINE vi add_words(vi a, vi b) { return _mm256_add_epi16(a, b); }
GGCLIP_INLINE vi add_neighbours(vi words) { return _mm256_madd_epi16(words, _mm256_set1_epi16(1)); }  // in 32-bit lanes
GGCLIP_INLINE vf words_to_float(const void * p) {
    return to_float(_mm256_cvtepi16_epi32(_mm_loadu_si128(static_cast<const __m128i *>(p))));
}

// Lanes (in -128..127, -32768..32767) as consecutive bytes or 16-bit words.
GGCLIP_INLINE void store_as_i16(void * p, vi x) {
    _mm_storeu_si128(static_cast<__m128i *>(p),
                     _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}
GGCLIP_INLINE vi load_i8(const void * p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i *>(p)));
}
GGCLIP_INLINE void store_as_i8(void * p, vi x) {
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(static_cast<__m128i *>(p), _mm_packs_epi16(words, words));
}

// The low words of `low`, and those of `high` in the upper halves.
GGCLIP_INLINE vi pair_words(vi low, vi high) { return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa); }

// Selects the bits `mask` of each byte and moves bit position `from` to `to`.
GGCLIP_INLINE vi move_bits(vi x, int from, int to, int mask) {
    const vi moved = from < to ? _mm256_slli_epi16(x, to - from) : from > to ? _mm256_srli_epi16(x, from - to) : x;
    return _mm256_and_si256(moved, _mm256_set1_epi8((char) mask));
}
GGCLIP_INLINE vi xor_i(vi a, vi b) { return _mm256_xor_si256(a, b); }
GGCLIP_INLINE vi or_i(vi a, vi b) { return _mm256_or_si256(a, b); }

// x[i][j] <-> x[j][i]: pairs of floats, pairs of those, then halves of a register.
GGCLIP_INLINE void transpose(vf (&x)[lanes]) {
    vf y[lanes];
    GGCLIP_UNROLL
    for (int i = 0; i < lanes; i += 4) {
        const vf a = _mm256_unpacklo_ps(x[i], x[i + 1]), b = _mm256_unpackhi_ps(x[i], x[i + 1]);
        const vf c = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), d = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
        y[i] = _mm256_shuffle_ps(a, c, 0x44);
        y[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        y[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        y[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    GGCLIP_UNROLL
    for (int i = 0; i < 4; i++) {
        x[i] = _mm256_permute2f128_ps(y[i], y[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(y[i], y[i + 4], 0x31);
    }
}

GGCLIP_LEVEL_END
