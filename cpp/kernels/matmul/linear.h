// The linear layer: cache blocking, the split between threads, and the epilogue around the micro-kernels.
//
// A work item is (block of token tiles) x (panel of output rows). It processes the inputs in chunks: a chunk of the
// panel (chunk_bytes) stays in L1 while all tiles of the token block use it, the token block's activations mostly stay
// in L2, and weights are read from memory once per token block. Partial sums wait in a small buffer between chunks. If
// the result is packed for the next layer (linear-pack.h), an item covers all panels of a scale group. Neither blocking
// nor threading changes the order of any sum.
#pragma once

#include "kernels/layer-norm.h"
#include "kernels/matmul/pack-weights.h"
#include "kernels/vector-math.h"
#if defined(GGCLIP_TILE_REGISTERS)
#include "kernels/matmul/amx/tile-chunks.h"
#else
#include "kernels/matmul/block-chunks.h"
#endif

GGCLIP_LEVEL_BEGIN

constexpr int max_tiles_per_item = layer_tile > token_tile ? 4 : 16;

// A unary as a type, since epilogues are compiled for each; `near`: as apply_near_v.
template <unary op, bool near = false>
struct unary_form {
    static GGCLIP_INLINE_MEMBER vf apply(vf x) { return near ? apply_near_v(op, x) : apply_v(op, x); }
};

template <class F>
GGCLIP_INLINE void with_unary(const linear_args & a, F && f) {
    switch (a.op) {
        case unary::none: return f(unary_form<unary::none>());
        case unary::quick_gelu: return f(unary_form<unary::quick_gelu>());
        case unary::gelu_erf:
            return a.rounds ? f(unary_form<unary::gelu_erf, true>()) : f(unary_form<unary::gelu_erf>());
        case unary::gelu_tanh:
            return a.rounds ? f(unary_form<unary::gelu_tanh, true>()) : f(unary_form<unary::gelu_tanh>());
        case unary::silu: return f(unary_form<unary::silu>());
        case unary::relu: return f(unary_form<unary::relu>());
        case unary::tanh: return f(unary_form<unary::tanh>());
    }
}

// unary(sums + bias) * factor + residual, for the first n rows of a panel; all but sums may be null, dst may equal
// sums.
template <class Unary>
GGCLIP_INLINE void finish_row(const float * sums, const float * bias, const float * factor, const float * residual,
                              float * dst, int n) {
    for (int i = 0; i < panel_rows; i += lanes) {
        const int left = n - i;
        if (left >= lanes) {
            vf v = load_f(sums + i);
            v = bias ? add(v, load_f(bias + i)) : v;
            v = Unary::apply(v);
            v = factor ? mul(v, load_f(factor + i)) : v;
            store_f(dst + i, residual ? add(v, load_f(residual + i)) : v);
        } else if (left > 0) {
            vf v = load_f(sums + i);
            v = bias ? add(v, load_first(bias + i, left)) : v;
            v = Unary::apply(v);
            v = factor ? mul(v, load_first(factor + i, left)) : v;
            store_first(dst + i, residual ? add(v, load_first(residual + i, left)) : v, left);
        }
    }
}

// One tile of one panel.
struct tile_place {
    int token;  // first token of the tile
    int height;
    int row;  // first row of the panel
};

template <class Unary>
static void finish_tile(const linear_args & a, const tile_place & at, const float * sums) {
    const float * bias = a.bias ? a.bias + at.row : nullptr;
    for (int t = 0; t < at.height; t++) {
        const size_t token = (size_t) (at.token + t);
        finish_row<Unary>(sums + t * panel_rows, bias, a.factor ? a.factor + token * a.w.n_out + at.row : nullptr,
                          a.residual ? a.residual + token * a.residual_stride + at.row : nullptr,
                          a.dst + token * a.dst_stride + at.row, a.w.n_out - at.row);
    }
}

static void finish_tile(const linear_args & a, const tile_place & at, const float * sums) {
    with_unary(
        a, [&](auto form) { finish_tile<decltype(form)>(a, at, sums); });
}

// Number of blocks of about equal size for the token tiles. Each stays within the limit above. Each block reads all
// weights, so more are used only if there would be fewer than two items per thread (a thread has 4 of the nth shares).
static int token_blocks(const token_tiles & tiles, int n_items, int nth) {
    const int n = ceil_div(tiles.count, max_tiles_per_item);
    return nth == 1 ? n : min_int(tiles.count, max_int(n, ceil_div(nth, 2 * n_items)));
}

// Products of a token block's tiles with one panel: sums[tile of the block * tile_stride]. The weights that follow in
// memory are used next: the tiles that use a chunk each prefetch a share of the following one.
template <class L>
static void multiply_panel(const linear_args & a, const token_tiles & tiles, const share_of<int> & block, int panel,
                           float * sums, int tile_stride) {
    const int n_units = ceil_div(a.w.n_in, L::unit);
    const int n_chunks = ceil_div(n_units, L::chunk_units);
    const uint8_t * w = a.w.data + panel * panel_size(a.w.type, a.w.n_in) + L::head(a.w.n_in);
    for (int c = 0; c < n_chunks; c++) {
        const auto units = share(n_units, c, n_chunks);
        const int n = units.end - units.begin;
        const int n_steps = L::steps(n);
        const int lines = ceil_div(n * L::unit_bytes, 64 * n_steps * (block.end - block.begin));
        const uint8_t * next = w + (size_t) units.end * L::unit_bytes;
        L chunk(a, panel, units.begin, n);
        for (int tile = block.begin; tile < block.end; tile++, next += n_steps * lines * 64)
            chunk.multiply(tiles, tile, sums + (tile - block.begin) * tile_stride, {next, lines});
    }
}

template <class L>
static void linear_of(const linear_args & a, int ith, int nth) {
    alignas(64) float sums[max_tiles_per_item][layer_tile * panel_rows];

    const token_tiles tiles(a.n_tokens);
    const int n_panels = ceil_div(a.w.n_out, panel_rows);
    const int n_blocks = token_blocks(tiles, n_panels, nth);
    const auto mine = share(n_blocks * n_panels, ith, nth);
    if (mine.begin == mine.end) return;
    [[maybe_unused]] const typename L::registers registers(a, tiles);
    for (int item = mine.begin; item < mine.end; item++) {
        const int panel = item % n_panels;
        const auto block = share(tiles.count, item / n_panels, n_blocks);
        multiply_panel<L>(a, tiles, block, panel, sums[0], layer_tile * panel_rows);
        for (int tile = block.begin; tile < block.end; tile++)
            finish_tile(a, {tiles.begin(tile), tiles.height(tile), panel * panel_rows}, sums[tile - block.begin]);
    }
}

static void linear(const linear_args & a, int ith, int nth) {
    with_chunk_type(
        a.w.type, [&](auto chunk) { linear_of<typename decltype(chunk)::type>(a, ith, nth); });
}

GGCLIP_LEVEL_END
