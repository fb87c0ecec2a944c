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
#include "kernels/matmul/tile-float.h"
#include "kernels/matmul/tile-int.h"
#include "kernels/matmul/tile-i8.h"
#include "kernels/vector-math.h"

GGCLIP_LEVEL_BEGIN

constexpr int chunk_bytes = 18 * 1024;
constexpr int max_tiles_per_item = 16;

// unary(sums + bias) * factor + residual, for the first n rows of a panel; all but sums may be null, dst may equal
// sums.
template <unary op>
GGCLIP_INLINE void finish_row(const float * sums, const float * bias, const float * factor, const float * residual,
                              float * dst, int n) {
    for (int i = 0; i < panel_rows; i += lanes) {
        const int left = n - i;
        if (left >= lanes) {
            vf v = load_f(sums + i);
            v = bias ? add(v, load_f(bias + i)) : v;
            v = apply_v(op, v);
            v = factor ? mul(v, load_f(factor + i)) : v;
            store_f(dst + i, residual ? add(v, load_f(residual + i)) : v);
        } else if (left > 0) {
            vf v = load_f(sums + i);
            v = bias ? add(v, load_first(bias + i, left)) : v;
            v = apply_v(op, v);
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

template <unary op>
static void finish_tile(const linear_args & a, const tile_place & at, const float * sums) {
    const float * bias = a.bias ? a.bias + at.row : nullptr;
    for (int t = 0; t < at.height; t++) {
        const size_t token = (size_t) (at.token + t);
        finish_row<op>(sums + t * panel_rows, bias, a.factor ? a.factor + token * a.w.n_out + at.row : nullptr,
                       a.residual ? a.residual + token * a.residual_stride + at.row : nullptr,
                       a.dst + token * a.dst_stride + at.row, a.w.n_out - at.row);
    }
}

static void finish_tile(const linear_args & a, const tile_place & at, const float * sums) {
    switch (a.op) {
        case unary::none: return finish_tile<unary::none>(a, at, sums);
        case unary::quick_gelu: return finish_tile<unary::quick_gelu>(a, at, sums);
        case unary::gelu_erf: return finish_tile<unary::gelu_erf>(a, at, sums);
        case unary::gelu_tanh: return finish_tile<unary::gelu_tanh>(a, at, sums);
        case unary::silu: return finish_tile<unary::silu>(a, at, sums);
        case unary::relu: return finish_tile<unary::relu>(a, at, sums);
        case unary::tanh: return finish_tile<unary::tanh>(a, at, sums);
    }
}

struct panel_chunk {
    const linear_args & a;
    int panel, begin, n;  // n units starting at unit `begin`
    panel_chunk(const linear_args & a, int panel, int begin, int n) : a(a), panel(panel), begin(begin), n(n) {}
};

// What the driver below needs to know about a weight type: the unit of its inner loop (in inputs, and in bytes of a
// panel whose first unit follows `head` bytes), the maximum units per chunk, and how many fetch_ahead steps the loop
// takes for n units. An object is one chunk of a panel; it multiplies tiles of tokens.
struct float_linear : panel_chunk {
    using panel_chunk::panel_chunk;
    static constexpr int unit = 1;
    static constexpr int unit_bytes = panel_rows * 4;
    static constexpr int chunk_units = chunk_bytes / unit_bytes;
    static constexpr int head(int) { return 0; }
    static constexpr int steps(int) { return 1; }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const float * w = reinterpret_cast<const float *>(a.w.data) + first_weight();
        fetch.step();
        multiply_tile(tiles.height(tile), tile_of(tiles, tile, w, sums));
    }

  protected:
    size_t first_weight() const { return ((size_t) panel * a.w.n_in + begin) * panel_rows; }
    float_tile tile_of(const token_tiles & tiles, int tile, const float * w, float * sums) const {
        const size_t stride = float_stride(a.w.n_in);
        const float * x = static_cast<const float *>(a.act) + tiles.begin(tile) * stride + begin;
        return {w, panel_rows, x, stride, n, sums, panel_rows, begin != 0};
    }
};

// 16-bit floats: the first tile converts a chunk to floats for all tiles that use it.
template <class W>
class half_linear : float_linear {
    alignas(64) float w[float_linear::chunk_units * panel_rows];
    bool converted = false;

  public:
    using float_linear::float_linear;
    using float_linear::unit, float_linear::chunk_units, float_linear::head, float_linear::steps;
    static constexpr int unit_bytes = panel_rows * 2;

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) {
        const uint16_t * const halves = reinterpret_cast<const uint16_t *>(a.w.data) + first_weight();
        const float_tile x = tile_of(tiles, tile, w, sums);
        fetch.step();
        if (converted) multiply_tile(tiles.height(tile), x);
        else multiply_tile(tiles.height(tile), x, half_rows<W>{halves, w});
        converted = true;
    }
};

template <weight_type W>
class int_linear {
    using format = int_format<W>;

  public:
    static constexpr int unit = max_scale_group;  // a chunk never splits a group
    static constexpr int unit_bytes = max_group_blocks * format::block_bytes;
    static constexpr int chunk_units =
        chunk_bytes / (max_group_blocks * panel_rows * block_size);  // the quants count as bytes
    static constexpr int head(int n_in) { return (int) format::blocks_at(n_in); }
    static constexpr int steps(int n) { return n * max_group_blocks; }

    int_linear(const linear_args & a, int panel, int begin, int n_units)
        : a(a), w(a.w.data + panel * format::panel_bytes(a.w.n_in)), first(begin * max_group_blocks),
          n(min_int(n_units * max_group_blocks, a.w.n_in / block_size - first)) {
        chunk.read(w + format::blocks_at(a.w.n_in) + (size_t) first * format::block_bytes, n);
    }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const int height = tiles.height(tile), n_blocks = a.w.n_in / block_size;
        const int group = format::group(a.w.n_in) / block_size;
        const size_t x_at =
            ((size_t) tiles.begin(tile) * n_blocks + (size_t) first * height) * format::token_block_bytes;
        const uint8_t * x = static_cast<const uint8_t *>(a.act) + x_at;
        const float * start = reinterpret_cast<const float *>(w) + first / group * panel_rows;
        multiply_int_tile<typename format::tokens>(
            height, {chunk.quants(), chunk.stride, chunk.scales(), chunk.minimums(), x, n, group, start, chunk.sums(),
                     sums, first != 0, fetch});
    }

  private:
    const linear_args & a;
    const uint8_t * w;  // the panel
    int first, n;       // blocks
    int_chunk<W, chunk_units * max_group_blocks> chunk;
};

#if defined(GGCLIP_DPWSSD)
struct word_linear : panel_chunk {
    using panel_chunk::panel_chunk;
    static constexpr int unit = word_block;
    static constexpr int unit_bytes = word_format::block_bytes;
    static constexpr int chunk_units = chunk_bytes / unit_bytes;
    static constexpr int head(int) { return 0; }
    static constexpr int steps(int n) { return n; }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const int height = tiles.height(tile);
        const int n_blocks = word_blocks(a.w.n_in);
        const size_t x_at =
            ((size_t) tiles.begin(tile) * n_blocks + (size_t) begin * height) * word_format::token_block_bytes;
        const uint8_t * w = a.w.data + ((size_t) panel * n_blocks + begin) * word_format::block_bytes;
        multiply_tile(height, {w, static_cast<const uint8_t *>(a.act) + x_at, n, sums, begin != 0, fetch});
    }
};
#endif

struct row_linear : panel_chunk {
    using panel_chunk::panel_chunk;
    static constexpr int unit = row_format::unit;
    static constexpr int unit_bytes = row_format::unit_bytes;
    static constexpr int chunk_units = chunk_bytes / unit_bytes;
    static constexpr int head(int) { return row_format::units_at; }
    static constexpr int steps(int n) { return n; }

    void multiply(const token_tiles & tiles, int tile, float * sums, fetch_ahead fetch) const {
        const int height = tiles.height(tile);
        const int n_units = row_format::n_units(a.w.n_in);
        const uint8_t * w = a.w.data + panel * panel_size(weight_type::i8, a.w.n_in);
        const uint8_t * x = static_cast<const uint8_t *>(a.act) + tiles.begin(tile) * row_format::token_bytes(a.w.n_in);
        const float * x_scales = reinterpret_cast<const float *>(x + row_format::scales_at(a.w.n_in, height));
        multiply_tile(
            height,
            {w + row_format::units_at + (size_t) begin * row_format::unit_bytes,
             x + (size_t) begin * height * row_format::token_unit_bytes, n, begin == 0, w + row_format::start_at,
             begin + n == n_units ? reinterpret_cast<const float *>(w) : nullptr, x_scales, sums, fetch});
    }
};

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
    alignas(64) float sums[max_tiles_per_item][token_tile * panel_rows];

    const token_tiles tiles(a.n_tokens);
    const int n_panels = ceil_div(a.w.n_out, panel_rows);
    const int n_blocks = token_blocks(tiles, n_panels, nth);
    const auto mine = share(n_blocks * n_panels, ith, nth);
    for (int item = mine.begin; item < mine.end; item++) {
        const int panel = item % n_panels;
        const auto block = share(tiles.count, item / n_panels, n_blocks);
        multiply_panel<L>(a, tiles, block, panel, sums[0], token_tile * panel_rows);
        for (int tile = block.begin; tile < block.end; tile++)
            finish_tile(a, {tiles.begin(tile), tiles.height(tile), panel * panel_rows}, sums[tile - block.begin]);
    }
}

static void linear(const linear_args & a, int ith, int nth) {
#if defined(GGCLIP_DPWSSD)
    if (uses_words(a.w.type)) return linear_of<word_linear>(a, ith, nth);
#endif
    switch (a.w.type) {
        case weight_type::f32: return linear_of<float_linear>(a, ith, nth);
        case weight_type::f16: return linear_of<half_linear<weights_f16>>(a, ith, nth);
        case weight_type::bf16: return linear_of<half_linear<weights_bf16>>(a, ith, nth);
        case weight_type::q8_0: return linear_of<int_linear<weight_type::q8_0>>(a, ith, nth);
        case weight_type::q5_0: return linear_of<int_linear<weight_type::q5_0>>(a, ith, nth);
        case weight_type::q5_1: return linear_of<int_linear<weight_type::q5_1>>(a, ith, nth);
        case weight_type::q4_0: return linear_of<int_linear<weight_type::q4_0>>(a, ith, nth);
        case weight_type::q4_1: return linear_of<int_linear<weight_type::q4_1>>(a, ith, nth);
        case weight_type::i8: return linear_of<row_linear>(a, ith, nth);
    }
}

GGCLIP_LEVEL_END
