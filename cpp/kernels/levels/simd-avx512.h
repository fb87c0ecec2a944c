// AVX-512 F + BW + DQ + VL: 16 lanes, 32 registers.
#pragma once

#include "kernels/levels/intrinsics.h"
#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

using vf = __m512;   // floats
using vi = __m512i;  // integers of any width

constexpr int lanes = 16;
constexpr int panel_rows = 2 * lanes;
constexpr int token_tile = 8;  // max tokens per tile: with 2 vectors of rows, 16 sums

GGCLIP_INLINE vf zero_f() { return _mm512_setzero_ps(); }
GGCLIP_INLINE vf set_f(float x) { return _mm512_set1_ps(x); }
GGCLIP_INLINE vf load_f(const float * p) { return _mm512_loadu_ps(p); }
GGCLIP_INLINE void store_f(float * p, vf x) { _mm512_storeu_ps(p, x); }
GGCLIP_INLINE vf add(vf a, vf b) { return _mm512_add_ps(a, b); }
GGCLIP_INLINE vf sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
GGCLIP_INLINE vf mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
GGCLIP_INLINE vf div(vf a, vf b) { return _mm512_div_ps(a, b); }
GGCLIP_INLINE vf fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c
GGCLIP_INLINE vf fms(vf a, vf b, vf c) { return _mm512_fmsub_ps(a, b, c); }    // a * b - c
GGCLIP_INLINE vf fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
// 1 / a for a from 1 to 2^127: the instruction's 14 bits, doubled by one Newton step; 0 above 2^126.
GGCLIP_INLINE vf reciprocal(vf a) {
    const vf r = _mm512_rcp14_ps(a);
    return _mm512_mul_ps(r, _mm512_fnmadd_ps(a, r, _mm512_set1_ps(2.0f)));
}
GGCLIP_INLINE vf max(vf a, vf b) { return _mm512_max_ps(a, b); }  // b if either is NaN
GGCLIP_INLINE vf min(vf a, vf b) { return _mm512_min_ps(a, b); }
GGCLIP_INLINE vf abs(vf a) { return _mm512_abs_ps(a); }
GGCLIP_INLINE vf round_even(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
GGCLIP_INLINE vf to_float(vi a) { return _mm512_cvtepi32_ps(a); }
GGCLIP_INLINE vi to_int(vf a) { return _mm512_cvtps_epi32(a); }  // nearest, ties to even

// x * 2^n for integer n in -126..127.
GGCLIP_INLINE vf scale_exp2(vf x, vf n) { return _mm512_scalef_ps(x, n); }
// Per lane: x < limit ? a : b; b if x is NaN.
GGCLIP_INLINE vf if_less(vf x, vf limit, vf a, vf b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, limit, _CMP_LT_OQ), b, a);
}
// Per lane: x < 0 ? a : b.
GGCLIP_INLINE vf if_negative(vf x, vf a, vf b) { return if_less(x, zero_f(), a, b); }

// x[i ^ 1] in lane i.
GGCLIP_INLINE vf swap_neighbours(vf x) { return _mm512_permute_ps(x, 0xb1); }

// The largest lane in all lanes.
GGCLIP_INLINE vf max_in_all(vf x) {
    x = max(x, _mm512_shuffle_f32x4(x, x, 0x4e));
    x = max(x, _mm512_shuffle_f32x4(x, x, 0xb1));
    x = max(x, _mm512_permute_ps(x, 0x4e));
    return max(x, _mm512_permute_ps(x, 0xb1));
}
GGCLIP_INLINE float sum_of(vf x) { return _mm512_reduce_add_ps(x); }
GGCLIP_INLINE float max_of(vf x) { return _mm512_reduce_max_ps(x); }

// The first n lanes; loads set the others to 0, stores leave them unwritten.
GGCLIP_INLINE __mmask16 first_lanes(int n) { return (__mmask16) (0xffffu >> (16 - n)); }
GGCLIP_INLINE vf load_first(const float * p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
GGCLIP_INLINE void store_first(float * p, vf x, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), x); }
GGCLIP_INLINE vf keep_first(vf x, int n) { return _mm512_maskz_mov_ps(first_lanes(n), x); }

GGCLIP_INLINE vf load_f16(const uint16_t * p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
}
GGCLIP_INLINE vf load_bf16(const uint16_t * p) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

GGCLIP_INLINE vf as_float(vi bits) { return _mm512_castsi512_ps(bits); }
GGCLIP_INLINE vi zero_i() { return _mm512_setzero_si512(); }
GGCLIP_INLINE vi set_i(int32_t x) { return _mm512_set1_epi32(x); }
GGCLIP_INLINE vi add_i(vi a, vi b) { return _mm512_add_epi32(a, b); }
GGCLIP_INLINE vi max_i(vi a, vi b) { return _mm512_max_epi32(a, b); }
GGCLIP_INLINE vi magnitude_bits(vf a) {
    return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
}
// The float with the largest bit pattern.
GGCLIP_INLINE float max_of_bits(vi x) {
    const __m256i half = _mm256_max_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    const __m128i a = _mm_max_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    const __m128i b = _mm_max_epi32(a, _mm_unpackhi_epi64(a, a));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(b, _mm_shuffle_epi32(b, 1))));
}
GGCLIP_INLINE vi load_i(const void * p) { return _mm512_loadu_si512(p); }
GGCLIP_INLINE void store_i(void * p, vi x) { _mm512_storeu_si512(p, x); }
GGCLIP_INLINE vi broadcast_32(const void * p) {
    return _mm512_castps_si512(_mm512_set1_ps(*static_cast<const float *>(p)));
}

// Lanes (in -128..127, -32768..32767) as consecutive bytes or 16-bit words.
GGCLIP_INLINE void store_as_i16(void * p, vi x) {
    _mm256_storeu_si256(static_cast<__m256i *>(p), _mm512_cvtepi32_epi16(x));
}
GGCLIP_INLINE vi load_i8(const void * p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i *>(p)));
}
GGCLIP_INLINE void store_as_i8(void * p, vi x) { _mm_storeu_si128(static_cast<__m128i *>(p), _mm512_cvtepi32_epi8(x)); }

// The low words of `low`, and those of `high` in the upper halves.
GGCLIP_INLINE vi pair_words(vi low, vi high) {
    return _mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_slli_epi32(high, 16));
}

// Selects the bits `mask` of each byte and moves bit position `from` to `to`.
GGCLIP_INLINE vi move_bits(vi x, int from, int to, int mask) {
    const vi moved = from < to ? _mm512_slli_epi16(x, to - from) : from > to ? _mm512_srli_epi16(x, from - to) : x;
    return _mm512_and_si512(moved, _mm512_set1_epi8((char) mask));
}
GGCLIP_INLINE vi xor_i(vi a, vi b) { return _mm512_xor_si512(a, b); }
GGCLIP_INLINE vi or_i(vi a, vi b) { return _mm512_or_si512(a, b); }

// x[i][j] <-> x[j][i]: pairs of floats, pairs of those, then quarters of a register twice.
GGCLIP_INLINE void transpose(vf (&x)[lanes]) {
    vf y[lanes];
    GGCLIP_UNROLL
    for (int i = 0; i < lanes; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    GGCLIP_UNROLL
    for (int i = 0; i < lanes; i += 4) {
        const __m512d a = _mm512_castps_pd(y[i]), b = _mm512_castps_pd(y[i + 1]);
        const __m512d c = _mm512_castps_pd(y[i + 2]), d = _mm512_castps_pd(y[i + 3]);
        x[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        x[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        x[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        x[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    GGCLIP_UNROLL
    for (int i = 0; i < 4; i++) {
        const vf a = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), b = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
        const vf c = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88),
                 d = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
        x[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        x[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

GGCLIP_LEVEL_END
