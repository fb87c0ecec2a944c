// NEON (AArch64): 4 lanes, 32 registers.
#pragma once

#include <arm_neon.h>
#include <string.h>

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

using vf = float32x4_t;  // floats
using vi = int32x4_t;    // integers of any width

constexpr int lanes = 4;
constexpr int panel_rows = 2 * lanes;
constexpr int token_tile = 8;  // max tokens per tile: with 2 vectors of rows, 16 sums

GGCLIP_INLINE vf zero_f() { return vdupq_n_f32(0.0f); }
GGCLIP_INLINE vf set_f(float x) { return vdupq_n_f32(x); }
GGCLIP_INLINE vf load_f(const float * p) { return vld1q_f32(p); }
GGCLIP_INLINE void store_f(float * p, vf x) { vst1q_f32(p, x); }
GGCLIP_INLINE vf add(vf a, vf b) { return vaddq_f32(a, b); }
GGCLIP_INLINE vf sub(vf a, vf b) { return vsubq_f32(a, b); }
GGCLIP_INLINE vf mul(vf a, vf b) { return vmulq_f32(a, b); }
GGCLIP_INLINE vf div(vf a, vf b) { return vdivq_f32(a, b); }
GGCLIP_INLINE vf fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }             // a * b + c
GGCLIP_INLINE vf fms(vf a, vf b, vf c) { return vfmaq_f32(vnegq_f32(c), a, b); }  // a * b - c
GGCLIP_INLINE vf fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }            // c - a * b
GGCLIP_INLINE vf reciprocal(vf a) { return div(set_f(1.0f), a); }
GGCLIP_INLINE vf max(vf a, vf b) { return vmaxq_f32(a, b); }  // NaN if either is NaN
GGCLIP_INLINE vf min(vf a, vf b) { return vminq_f32(a, b); }
GGCLIP_INLINE vf abs(vf a) { return vabsq_f32(a); }
GGCLIP_INLINE vf round_even(vf a) { return vrndnq_f32(a); }
GGCLIP_INLINE vf to_float(vi a) { return vcvtq_f32_s32(a); }
GGCLIP_INLINE vi to_int(vf a) { return vcvtnq_s32_f32(a); }  // nearest, ties to even

// x * 2^n for integer n in -126..127.
GGCLIP_INLINE vf scale_exp2(vf x, vf n) {
    return mul(x, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(to_int(n), vdupq_n_s32(127)), 23)));
}
// Per lane: x < limit ? a : b; b if x is NaN.
GGCLIP_INLINE vf if_less(vf x, vf limit, vf a, vf b) { return vbslq_f32(vcltq_f32(x, limit), a, b); }
// Per lane: x < 0 ? a : b.
GGCLIP_INLINE vf if_negative(vf x, vf a, vf b) { return vbslq_f32(vcltzq_f32(x), a, b); }

// x[i ^ 1] in lane i.
GGCLIP_INLINE vf swap_neighbours(vf x) { return vrev64q_f32(x); }

GGCLIP_INLINE float sum_of(vf x) { return vaddvq_f32(x); }
GGCLIP_INLINE float max_of(vf x) { return vmaxvq_f32(x); }

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
    float lane[lanes];
    store_f(lane, x);
    return load_first(lane, n);
}

GGCLIP_INLINE vf load_f16(const uint16_t * p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
GGCLIP_INLINE vf load_bf16(const uint16_t * p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }

GGCLIP_INLINE vi zero_i() { return vdupq_n_s32(0); }
GGCLIP_INLINE vi set_i(int32_t x) { return vdupq_n_s32(x); }
GGCLIP_INLINE vi add_i(vi a, vi b) { return vaddq_s32(a, b); }
GGCLIP_INLINE vi max_i(vi a, vi b) { return vmaxq_s32(a, b); }
GGCLIP_INLINE vi magnitude_bits(vf a) { return vreinterpretq_s32_f32(vabsq_f32(a)); }
GGCLIP_INLINE float max_of_bits(vi x) {
    return vgetq_lane_f32(vreinterpretq_f32_s32(vdupq_n_s32(vmaxvq_s32(x))), 0);
}  // the float with the largest bit pattern
GGCLIP_INLINE vi load_i(const void * p) { return vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t *>(p))); }
GGCLIP_INLINE void store_i(void * p, vi x) { vst1q_u8(static_cast<uint8_t *>(p), vreinterpretq_u8_s32(x)); }
GGCLIP_INLINE vi broadcast_32(const void * p) { return vld1q_dup_s32(static_cast<const int32_t *>(p)); }

// Lanes (in -128..127) as consecutive bytes.
GGCLIP_INLINE void store_as_i16(void * p, vi x) { vst1_s16(static_cast<int16_t *>(p), vqmovn_s32(x)); }
GGCLIP_INLINE vi load_i8(const void * p) {
    int32_t bytes;  // at any address
    memcpy(&bytes, p, 4);
    return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(bytes)))));
}
GGCLIP_INLINE void store_as_i8(void * p, vi x) {
    const int16x4_t words = vqmovn_s32(x);
    const int32_t bytes = vget_lane_s32(vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(words, words))), 0);
    memcpy(p, &bytes, 4);
}

// Selects the bits `mask` of each byte and moves bit position `from` to `to`.
GGCLIP_INLINE vi move_bits(vi x, int from, int to, int mask) {
    const uint8x16_t bytes = vreinterpretq_u8_s32(x);
    const uint8x16_t moved = from == to ? bytes : vshlq_u8(bytes, vdupq_n_s8((int8_t) (to - from)));
    const int left = 0xff << 8 >> (8 + from - to) & 0xff;  // bits that survive the shift
    return vreinterpretq_s32_u8(mask == left ? moved : vandq_u8(moved, vdupq_n_u8((uint8_t) mask)));
}
GGCLIP_INLINE vi xor_i(vi a, vi b) { return veorq_s32(a, b); }
GGCLIP_INLINE vi or_i(vi a, vi b) { return vorrq_s32(a, b); }

// x[i][j] <-> x[j][i]: pairs of floats, then halves of a register.
GGCLIP_INLINE void transpose(vf (&x)[lanes]) {
    const float32x4x2_t a = vtrnq_f32(x[0], x[1]), b = vtrnq_f32(x[2], x[3]);
    x[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    x[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    x[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    x[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

GGCLIP_LEVEL_END
