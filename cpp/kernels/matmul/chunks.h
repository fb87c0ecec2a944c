// Chunks of panels, as the driver of linear layers (linear.h) knows them: an object is a chunk that multiplies tiles of
// tokens. Its type says the unit of its inner loop (in inputs, and in bytes of a panel whose first unit follows `head`
// bytes), the maximum units per chunk, how many fetch_ahead steps the loop takes for n units, and what a thread sets up
// before its products (`registers`).
#pragma once

#include "kernels/matmul/rows.h"
#include "kernels/matmul/tile-float.h"
#include "kernels/matmul/token-tiles.h"

GGCLIP_LEVEL_BEGIN

constexpr int chunk_bytes = 18 * 1024;

template <class Chunk>
struct chunk_type {
    using type = Chunk;
};

// Nothing to set up before products.
struct no_registers {
    no_registers(const linear_args &, const token_tiles &) {}
};

struct panel_chunk {
    using registers = no_registers;
    const linear_args & a;
    int panel, begin, n;  // n units starting at unit `begin`
    panel_chunk(const linear_args & a, int panel, int begin, int n) : a(a), panel(panel), begin(begin), n(n) {}
};

// Floats.
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
        multiply_layer_tile(tiles.height(tile), tile_of(tiles, tile, w, sums));
    }

  protected:
    size_t first_weight() const { return ((size_t) panel * a.w.n_in + begin) * panel_rows; }
    float_tile tile_of(const token_tiles & tiles, int tile, const float * w, float * sums) const {
        const size_t stride = float_stride(a.w.n_in);
        const float * x = static_cast<const float *>(a.act) + tiles.begin(tile) * stride + begin;
        return {w, panel_rows, x, stride, n, sums, panel_rows, begin != 0};
    }
};

GGCLIP_LEVEL_END
