// Rotary positions: the pairs of a head's values turned by their token's angles.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

// x * cos + partner * sin for n values of one head.
template <class Partner>
GGCLIP_INLINE void rotate_values(const float * x, const float * cos, const float * sin, int n, float * dst,
                                 Partner partner) {
    int i = 0;
    for (; i + lanes <= n; i += lanes)
        store_f(dst + i, fma(load_f(x + i), load_f(cos + i), mul(partner(i, lanes), load_f(sin + i))));
    if (i == n) return;
    const int left = n - i;
    const vf turned = mul(partner(i, left), load_first(sin + i, left));
    store_first(dst + i, fma(load_first(x + i, left), load_first(cos + i, left), turned), left);
}

GGCLIP_INLINE vf load_some(const float * p, int n) { return n == lanes ? load_f(p) : load_first(p, n); }

static void rotate_head(const rotate_args & a, const float * x, const float * cos, const float * sin, float * dst) {
    const int half = a.d_head / 2;
    if (!a.halves) {
        rotate_values(x, cos, sin, a.d_head, dst, [=](int i, int n) { return swap_neighbours(load_some(x + i, n)); });
        return;
    }
    rotate_values(
        x, cos, sin, half, dst, [=](int i, int n) { return load_some(x + half + i, n); });
    rotate_values(x + half, cos + half, sin + half, half, dst + half,
                  [=](int i, int n) { return load_some(x + i, n); });
}

static void rotate(const rotate_args & a, int ith, int nth) {
    const auto mine = share(a.n_tokens, ith, nth);
    for (int t = mine.begin; t < mine.end; t++) {
        const float * cos = a.turns + (size_t) t * 2 * a.d_head;
        for (int h = 0; h < a.n_head; h++) {
            rotate_head(a, a.x + t * a.x_stride + (size_t) h * a.d_head, cos, cos + a.d_head,
                        a.dst + ((size_t) t * a.n_head + h) * a.d_head);
        }
    }
}

GGCLIP_LEVEL_END
