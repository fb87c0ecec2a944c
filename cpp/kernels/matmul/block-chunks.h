// Chunks of panels of the layouts of tile-int.h, tile-i8.h and tile-i16.h, and of 16-bit floats.
#pragma once

#include "kernels/matmul/chunks.h"
#include "kernels/matmul/int-chunk.h"
#include "kernels/matmul/tile-int.h"
#include "kernels/matmul/tile-i8.h"

GGCLIP_LEVEL_BEGIN

// 16-bit floats: the first tile converts a chunk to floats for all tiles that use it.
template <class W>
class half_linear : float_linear {
    alignas(64) float w[float_linear::chunk_units * panel_rows];
    bool converted = false;

  public:
    using float_linear::float_linear;
    using float_linear::registers, float_linear::unit, float_linear::chunk_units, float_linear::head,
        float_linear::steps;
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
    using registers = no_registers;
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
        multiply_int_tile<format>(height, {chunk.quants(), chunk.stride, chunk.scales(), chunk.minimums(), x, n, group,
                                           start, chunk.sums(), sums, first != 0, fetch});
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

// Calls f with the chunk_type of weights in blocks.
template <class F>
static void with_block_chunk_type(weight_type type, F && f) {
    switch (type) {
        case weight_type::q8_0: return f(chunk_type<int_linear<weight_type::q8_0>>{});
        case weight_type::q5_0: return f(chunk_type<int_linear<weight_type::q5_0>>{});
        case weight_type::q5_1: return f(chunk_type<int_linear<weight_type::q5_1>>{});
        case weight_type::q4_0: return f(chunk_type<int_linear<weight_type::q4_0>>{});
        case weight_type::q4_1: return f(chunk_type<int_linear<weight_type::q4_1>>{});
        default: return;
    }
}

template <class F>
static void with_chunk_type(weight_type type, F && f) {
#if defined(GGCLIP_DPWSSD)
    if (uses_words(type)) return f(chunk_type<word_linear>{});
#endif
    switch (type) {
        case weight_type::f32: return f(chunk_type<float_linear>{});
        case weight_type::f16: return f(chunk_type<half_linear<weights_f16>>{});
        case weight_type::bf16: return f(chunk_type<half_linear<weights_bf16>>{});
        case weight_type::i8: return f(chunk_type<row_linear>{});
        default: return with_block_chunk_type(type, f);
    }
}

GGCLIP_LEVEL_END
