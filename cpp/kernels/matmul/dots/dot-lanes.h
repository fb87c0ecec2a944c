// Block dot products in which each lane of the integer sums belongs to one output row: a weight vector holds `group`
// consecutive inputs of each of its rows, and the same number of a token's inputs is broadcast to all lanes.
#pragma once

#include "kernels/matmul/blocks.h"

GGCLIP_LEVEL_BEGIN

// Activation requirements shared by most dot products; those that differ override them.
struct eight_bit_activations {
    static constexpr int limit = 127;            // largest magnitude
    static constexpr int zero = 0;               // stored value of activation 0
    static constexpr bool ranges = false;        // whether each group of a token has its own range
    static constexpr int range_group = 0;        // at most so many inputs share a range
    static constexpr int weight_limit = 127;     // of weights with one scale per row (tile-i8.h)
    static constexpr int row_unit = 32;          // their inputs per unit
    static constexpr bool joins_blocks = false;  // whether q8_0 weights are packed with one scale for a scale group
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = false;
};

template <class Dot>
struct dot_in_lanes {
    // Adds the products of 32 inputs. w: [32 / group][panel_rows][group] bytes, a: T tokens, token_bytes apart.
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        constexpr int vector_bytes = lanes * Dot::group;
        GGCLIP_UNROLL
        for (int g = 0; g < block_size / Dot::group; g++) {
            const vi w0 = Dot::load_bytes(w + (2 * g + 0) * vector_bytes);
            const vi w1 = Dot::load_bytes(w + (2 * g + 1) * vector_bytes);
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                const vi v = broadcast_32(a + t * token_bytes + g * 4);
                sum[t][0] = Dot::step(sum[t][0], w0, v);
                sum[t][1] = Dot::step(sum[t][1], w1, v);
            }
        }
    }

    // Stores two consecutive groups of 4 inputs, for one half of a panel's rows, at the place add_products reads. pair:
    // which two of the block's 8 groups; half: 0 or 1.
    static GGCLIP_INLINE_MEMBER void store_groups(uint8_t * block, int pair, int half, vi first, vi second) {
        constexpr int vector_bytes = lanes * 4;
        store_i(block + (4 * pair + half) * vector_bytes, first);
        store_i(block + (4 * pair + 2 + half) * vector_bytes, second);
    }
};

GGCLIP_LEVEL_END
