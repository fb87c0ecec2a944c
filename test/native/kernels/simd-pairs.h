// 16 lanes, as AVX-512 has, as pairs of AVX2 vectors: the level `amx` with the shapes of its tiles on a CPU without
// AVX-512. Include with GGCLIP_LEVEL defined as the level, after simd-avx2.h in the namespace `halves`.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

using namespace halves;  // of level.h: constants and the prefetch; the vectors' names are hidden by those below

struct vf {
    halves::vf a, b;
};
struct vi {
    halves::vi a, b;
};

constexpr int lanes = 2 * halves::lanes;
constexpr int panel_rows = 2 * lanes;
constexpr int token_tile = 8;

#define BOTH(result, name, parameters, first, second) \
    GGCLIP_INLINE result name parameters { return {halves::name first, halves::name second}; }

BOTH(vf, zero_f, (), (), ())
BOTH(vf, set_f, (float x), (x), (x))
BOTH(vf, load_f, (const float * p), (p), (p + 8))
BOTH(vf, add, (vf x, vf y), (x.a, y.a), (x.b, y.b))
BOTH(vf, sub, (vf x, vf y), (x.a, y.a), (x.b, y.b))
BOTH(vf, mul, (vf x, vf y), (x.a, y.a), (x.b, y.b))
BOTH(vf, max, (vf x, vf y), (x.a, y.a), (x.b, y.b))
BOTH(vf, min, (vf x, vf y), (x.a, y.a), (x.b, y.b))
BOTH(vf, fma, (vf x, vf y, vf z), (x.a, y.a, z.a), (x.b, y.b, z.b))
BOTH(vf, fms, (vf x, vf y, vf z), (x.a, y.a, z.a), (x.b, y.b, z.b))
BOTH(vf, fnma, (vf x, vf y, vf z), (x.a, y.a, z.a), (x.b, y.b, z.b))
BOTH(vf, reciprocal, (vf x), (x.a), (x.b))
BOTH(vf, abs, (vf x), (x.a), (x.b))
BOTH(vf, round_even, (vf x), (x.a), (x.b))
BOTH(vf, to_float, (vi x), (x.a), (x.b))
BOTH(vi, to_int, (vf x), (x.a), (x.b))
BOTH(vf, scale_exp2, (vf x, vf n), (x.a, n.a), (x.b, n.b))
BOTH(vf, if_less, (vf x, vf limit, vf y, vf z), (x.a, limit.a, y.a, z.a), (x.b, limit.b, y.b, z.b))
BOTH(vf, if_negative, (vf x, vf y, vf z), (x.a, y.a, z.a), (x.b, y.b, z.b))
BOTH(vf, swap_neighbours, (vf x), (x.a), (x.b))
BOTH(vf, load_f16, (const uint16_t * p), (p), (p + 8))
BOTH(vf, load_bf16, (const uint16_t * p), (p), (p + 8))
BOTH(vf, as_float, (vi x), (x.a), (x.b))
BOTH(vi, zero_i, (), (), ())
BOTH(vi, set_i, (int32_t x), (x), (x))
BOTH(vi, add_i, (vi x, vi y), (x.a, y.a), (x.b, y.b))
BOTH(vi, max_i, (vi x, vi y), (x.a, y.a), (x.b, y.b))
BOTH(vi, xor_i, (vi x, vi y), (x.a, y.a), (x.b, y.b))
BOTH(vi, or_i, (vi x, vi y), (x.a, y.a), (x.b, y.b))
BOTH(vi, magnitude_bits, (vf x), (x.a), (x.b))
BOTH(vi, move_bits, (vi x, int from, int to, int mask), (x.a, from, to, mask), (x.b, from, to, mask))
BOTH(vi, broadcast_32, (const void * p), (p), (p))

#undef BOTH

GGCLIP_INLINE void store_f(float * p, vf x) {
    halves::store_f(p, x.a);
    halves::store_f(p + 8, x.b);
}
GGCLIP_INLINE vi load_i(const void * p) {
    return {halves::load_i(p), halves::load_i(static_cast<const uint8_t *>(p) + 32)};
}
GGCLIP_INLINE void store_i(void * p, vi x) {
    halves::store_i(p, x.a);
    halves::store_i(static_cast<uint8_t *>(p) + 32, x.b);
}
GGCLIP_INLINE void store_as_i16(void * p, vi x) {
    halves::store_as_i16(p, x.a);
    halves::store_as_i16(static_cast<uint8_t *>(p) + 16, x.b);
}
GGCLIP_INLINE void store_as_i8(void * p, vi x) {
    halves::store_as_i8(p, x.a);
    halves::store_as_i8(static_cast<uint8_t *>(p) + 8, x.b);
}
GGCLIP_INLINE float sum_of(vf x) { return halves::sum_of(x.a) + halves::sum_of(x.b); }
GGCLIP_INLINE float max_of(vf x) { return halves::max_of(halves::max(x.a, x.b)); }
GGCLIP_INLINE float max_of_bits(vi x) { return halves::max_of_bits(halves::max_i(x.a, x.b)); }

// n of 1 to 16: a half of no lanes is neither read nor written.
GGCLIP_INLINE vf load_first(const float * p, int n) {
    return {halves::load_first(p, n), n > 8 ? halves::load_first(p + 8, n - 8) : halves::zero_f()};
}
GGCLIP_INLINE void store_first(float * p, vf x, int n) {
    halves::store_first(p, x.a, n);
    if (n > 8) halves::store_first(p + 8, x.b, n - 8);
}
GGCLIP_INLINE vf keep_first(vf x, int n) { return {halves::keep_first(x.a, n), halves::keep_first(x.b, n - 8)}; }

// Four blocks of 8 x 8.
GGCLIP_INLINE void transpose(vf (&x)[lanes]) {
    halves::vf blocks[4][8];
    for (int i = 0; i < 8; i++) {
        blocks[0][i] = x[i].a;
        blocks[1][i] = x[i].b;
        blocks[2][i] = x[8 + i].a;
        blocks[3][i] = x[8 + i].b;
    }
    for (auto & block : blocks) halves::transpose(block);
    for (int i = 0; i < 8; i++) {
        x[i] = {blocks[0][i], blocks[2][i]};
        x[8 + i] = {blocks[1][i], blocks[3][i]};
    }
}

GGCLIP_LEVEL_END
