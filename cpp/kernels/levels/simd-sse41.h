// SSE4.1: 4 lanes, 16 registers; no fused multiply-add, no 16-bit floats.
#pragma once

#include <string.h>

#include "kernels/levels/intrinsics.h"
#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

using vf = __m128;   // floats
using vi = __m128i;  // integers of any width

constexpr int lanes = 4;
constexpr int panel_rows = 2 * lanes;
constexpr int token_tile = 5;  // max tokens per tile: with 2 vectors of rows, 10 sums

GGCLIP_INLINE vf zero_f() { return _mm_setzero_ps(); }
GGCLIP_INLINE vf set_f(float x) { return _mm_set1_ps(x); }
GGCLIP_INLINE vf load_f(const float * p) { return _mm_loadu_ps(p); }
GGCLIP_INLINE void store_f(float * p, vf x) { _mm_storeu_ps(p, x); }
GGCLIP_INLINE vf add(vf a, vf b) { return _mm_add_ps(a, b); }
GGCLIP_INLINE vf sub(vf a, vf b) { return _mm_sub_ps(a, b); }
GGCLIP_INLINE vf mul(vf a, vf b) { return _mm_mul_ps(a, b); }
GGCLIP_INLINE vf div(vf a, vf b) { return _mm_div_ps(a, b); }
GGCLIP_INLINE vf fma(vf a, vf b, vf c) { return add(mul(a, b), c); }   // rounded twice
GGCLIP_INLINE vf fms(vf a, vf b, vf c) { return sub(mul(a, b), c); }   // a * b - c
GGCLIP_INLINE vf fnma(vf a, vf b, vf c) { return sub(c, mul(a, b)); }  // c - a * b
GGCLIP_INLINE vf reciprocal(vf a) { return div(set_f(1.0f), a); }
GGCLIP_INLINE vf max(vf a, vf b) { return _mm_max_ps(a, b); }  // b if either is NaN
GGCLIP_INLINE vf min(vf a, vf b) { return _mm_min_ps(a, b); }
GGCLIP_INLINE vf abs(vf a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
GGCLIP_INLINE vf round_even(vf a) { return _mm_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
GGCLIP_INLINE vf to_float(vi a) { return _mm_cvtepi32_ps(a); }
GGCLIP_INLINE vi to_int(vf a) { return _mm_cvtps_epi32(a); }  // nearest, ties to even

// x * 2^n for integer n in -126..127.
GGCLIP_INLINE vf scale_exp2(vf x, vf n) {
    return mul(x, _mm_castsi128_ps(_mm_slli_epi32(_mm_add_epi32(to_int(n), _mm_set1_epi32(127)), 23)));
}
// Per lane: x < limit ? a : b; b if x is NaN.
GGCLIP_INLINE vf if_less(vf x, vf limit, vf a, vf b) { return _mm_blendv_ps(b, a, _mm_cmplt_ps(x, limit)); }
// Per lane: x < 0 ? a : b, by the sign bit.
GGCLIP_INLINE vf if_negative(vf x, vf a, vf b) { return _mm_blendv_ps(b, a, x); }

// x[i ^ 1] in lane i.
GGCLIP_INLINE vf swap_neighbours(vf x) { return _mm_shuffle_ps(x, x, 0xb1); }

GGCLIP_INLINE float sum_of(vf x) {
    const vf a = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_shuffle_ps(a, a, 1)));
}
GGCLIP_INLINE float max_of(vf x) {
    const vf a = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_shuffle_ps(a, a, 1)));
}

// The first n lanes; loads set the others to 0, stores leave them unwritten.
GGCLIP_INLINE vf load_first(const float * p, int n) {
    float lane[lanes] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int i = 0; i < n && i < lanes; i++) lane[i] = p[i];
    return load_f(lane);
}
GGCLIP_INLINE void store_first(float * p, vf x, int n) {
    float lane[lanes];
    store_f(lane, x);
    for (int i = 0; i < n && i < lanes; i++) p[i] = lane[i];
}
GGCLIP_INLINE vf keep_first(vf x, int n) {
    return _mm_and_ps(x, _mm_castsi128_ps(_mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3))));
}

GGCLIP_INLINE vi load_words(const void * p) {
    return _mm_cvtepu16_epi32(_mm_loadl_epi64(static_cast<const __m128i *>(p)));
}

// Reinterprets exponent and mantissa as those of a float 2^112 times too small; also correct for subnormal halves. An
// all-ones exponent stays all ones.
GGCLIP_INLINE vf load_f16(const uint16_t * p) {
    const vi half = load_words(p);
    const vi magnitude = _mm_and_si128(half, _mm_set1_epi32(0x7fff));
    const vi not_finite = _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff)), _mm_set1_epi32(0x7f800000));
    const vf scaled =
        mul(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)), _mm_castsi128_ps(_mm_set1_epi32(0x77800000)));
    const vi sign = _mm_slli_epi32(_mm_xor_si128(half, magnitude), 16);
    return _mm_or_ps(scaled, _mm_castsi128_ps(_mm_or_si128(sign, not_finite)));
}
GGCLIP_INLINE vf load_bf16(const uint16_t * p) { return _mm_castsi128_ps(_mm_slli_epi32(load_words(p), 16)); }

GGCLIP_INLINE vi zero_i() { return _mm_setzero_si128(); }
GGCLIP_INLINE vi set_i(int32_t x) { return _mm_set1_epi32(x); }
GGCLIP_INLINE vi add_i(vi a, vi b) { return _mm_add_epi32(a, b); }
GGCLIP_INLINE vi max_i(vi a, vi b) { return _mm_max_epi32(a, b); }
GGCLIP_INLINE vi magnitude_bits(vf a) { return _mm_and_si128(_mm_castps_si128(a), _mm_set1_epi32(0x7fffffff)); }
// The float with the largest bit pattern.
GGCLIP_INLINE float max_of_bits(vi x) {
    const vi a = _mm_max_epi32(x, _mm_unpackhi_epi64(x, x));
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(a, _mm_shuffle_epi32(a, 1))));
}
GGCLIP_INLINE vi load_i(const void * p) { return _mm_loadu_si128(static_cast<const __m128i *>(p)); }
GGCLIP_INLINE void store_i(void * p, vi x) { _mm_storeu_si128(static_cast<__m128i *>(p), x); }
GGCLIP_INLINE vi broadcast_32(const void * p) { return _mm_castps_si128(_mm_load1_ps(static_cast<const float *>(p))); }
// Two consecutive groups of 4 bytes, each in all lanes.
GGCLIP_INLINE void broadcast_two(const void * p, vi & first, vi & second) {
    const vi two = _mm_loadl_epi64(static_cast<const __m128i *>(p));
    first = _mm_shuffle_epi32(two, 0x00);
    second = _mm_shuffle_epi32(two, 0x55);
}

// Products of unsigned and signed bytes; adjacent pairs are added in 16-bit lanes with saturation.
GGCLIP_INLINE vi multiply_bytes(vi unsigned_bytes, vi signed_bytes) {
    return _mm_maddubs_epi16(unsigned_bytes, signed_bytes);
}
GGCLIP_INLINE vi add_words(vi a, vi b) { return _mm_add_epi16(a, b); }
GGCLIP_INLINE vi add_neighbours(vi words) { return _mm_madd_epi16(words, _mm_set1_epi16(1)); }  // in 32-bit lanes
GGCLIP_INLINE vf words_to_float(const void * p) {
    return to_float(_mm_cvtepi16_epi32(_mm_loadl_epi64(static_cast<const __m128i *>(p))));
}

// Lanes (in -128..127, -32768..32767) as consecutive bytes or 16-bit words.
GGCLIP_INLINE void store_as_i16(void * p, vi x) { _mm_storel_epi64(static_cast<__m128i *>(p), _mm_packs_epi32(x, x)); }
GGCLIP_INLINE vi load_i8(const void * p) {
    int32_t bytes;  // at any address
    memcpy(&bytes, p, 4);
    return _mm_cvtepi8_epi32(_mm_cvtsi32_si128(bytes));
}
GGCLIP_INLINE void store_as_i8(void * p, vi x) {
    const vi words = _mm_packs_epi32(x, x);
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packs_epi16(words, words));
    memcpy(p, &bytes, 4);
}

// Selects the bits `mask` of each byte and moves bit position `from` to `to`.
GGCLIP_INLINE vi move_bits(vi x, int from, int to, int mask) {
    const vi moved = from < to ? _mm_slli_epi16(x, to - from) : from > to ? _mm_srli_epi16(x, from - to) : x;
    return _mm_and_si128(moved, _mm_set1_epi8((char) mask));
}
GGCLIP_INLINE vi xor_i(vi a, vi b) { return _mm_xor_si128(a, b); }
GGCLIP_INLINE vi or_i(vi a, vi b) { return _mm_or_si128(a, b); }

// x[i][j] <-> x[j][i]
GGCLIP_INLINE void transpose(vf (&x)[lanes]) { _MM_TRANSPOSE4_PS(x[0], x[1], x[2], x[3]); }

GGCLIP_LEVEL_END
