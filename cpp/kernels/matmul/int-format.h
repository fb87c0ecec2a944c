// Layout of packed integer weights and of the activations multiplied with them.
//
// Weights: panels of panel_rows output rows. A panel is a sequence of blocks of 32 inputs:
//   f16 d[rows], f16 m[rows] (types with a minimum), int16 sum[rows] of a group's quants (if each group of a token has
//   its own range; in the group's first block), high bits [rows][4] (5-bit types), quants.
// If the dot product shifts its sums, float start[rows] per scale group precedes the blocks.
// Quants of q8_0: for each group of consecutive inputs (`group` of the level's dot product), [rows][group] bytes.
// Quants of the 4-bit part: for p in 0..3, [rows][4] bytes whose low nibbles are group p of 4 inputs and whose high
// nibbles are group p + 4 (ggml's own byte order). Bit g of a high-bits byte belongs to group g. q8_0 is signed. The
// 4- and 5-bit quants are unsigned with offset 8 or 16; types with a minimum use the offset too and store
// m + offset * d as their minimum, which gives the same value. int-chunk.h expands them to bytes.
//
// Activations, for each tile of T tokens and each block:
//   quants [T][32], float d[T], correction [T] (if the dot product requires unsigned weights: the initial value of an
//   integer sum), float sum[T] (types with a minimum: the sum of the block's quants).
// d is the same in all blocks of a scale group; if the dot product has ranges, both stand in a group's first block, and
// float min[T] follows. Integer sums are shifted by their initial value (dot-vnni.h) and by the +128 offset of unsigned
// activations. A group's shift depends only on the row; `start` cancels it.
#pragma once

#include "kernels/matmul/blocks.h"

GGCLIP_LEVEL_BEGIN

constexpr int max_group_blocks = max_scale_group / block_size;

constexpr int offset_of(weight_type type) {
    return type == weight_type::q8_0 ? 0 : type == weight_type::q4_0 || type == weight_type::q4_1 ? 8 : 16;
}

constexpr bool has_high_bits(weight_type type) { return layout_of(type).high_bits != 0; }

// Per activation, depending on the weight type.
template <class Dot, bool WithMin>
struct int_tokens {
    using dot = Dot;
    static constexpr bool with_min = WithMin;
    static constexpr int token_quants = block_size * (int) sizeof(typename dot::activation);
    static constexpr int token_block_bytes =
        token_quants + 4 + (dot::has_correction || dot::ranges ? 4 : 0) + (with_min ? 4 : 0);

    // Number of consecutive inputs of a token that share a scale, in a row of n_in.
    static constexpr int group(int n_in) {
        return dot::ranges ? min_int(dot::range_group, scale_group(n_in)) : scale_group(n_in);
    }

    // Byte offsets within one block of a tile of n tokens.
    static constexpr int scales_at(int n) { return n * token_quants; }
    static constexpr int mins_at(int n) { return n * (token_quants + 4); }
    static constexpr int corrections_at(int n) { return n * (token_quants + 4); }
    static constexpr int sums_at(int n) { return n * (token_quants + 4 + (dot::has_correction ? 4 : 0)); }
};

template <weight_type W>
struct int_format : int_tokens<typename dot_of<W>::type, has_min(W)> {
    using dot = typename dot_of<W>::type;
    using tokens = int_tokens<dot, has_min(W)>;
    static constexpr bool nibbles = W != weight_type::q8_0;
    static constexpr bool joined = dot::joins_blocks && !nibbles;  // a scale group's blocks of a row have one scale

    static constexpr int min_at = panel_rows * 2;
    static constexpr int weight_sums_at = min_at;  // a type has either minimums or sums
    static constexpr int high_at = min_at + (has_min(W) || dot::ranges ? panel_rows * 2 : 0);
    static constexpr int quants_at = high_at + (has_high_bits(W) ? panel_rows * 4 : 0);
    static constexpr int block_bytes = quants_at + panel_rows * (nibbles ? 16 : 32);

    // Bytes of a panel before its blocks, and in total.
    static constexpr size_t blocks_at(int n_in) {
        return dot::shifted_sums ? (size_t) ceil_div(n_in, scale_group(n_in)) * panel_rows * 4 : 0;
    }
    static constexpr size_t panel_bytes(int n_in) {
        return blocks_at(n_in) + (size_t) (n_in / block_size) * block_bytes;
    }
};

// Calls f with int_format<type>{}; type must be a quantised one.
template <class F>
static inline void with_int_format(weight_type type, F && f) {
    switch (type) {
        case weight_type::q8_0: return f(int_format<weight_type::q8_0>{});
        case weight_type::q4_0: return f(int_format<weight_type::q4_0>{});
        case weight_type::q4_1: return f(int_format<weight_type::q4_1>{});
        case weight_type::q5_0: return f(int_format<weight_type::q5_0>{});
        case weight_type::q5_1: return f(int_format<weight_type::q5_1>{});
        default: return;
    }
}

GGCLIP_LEVEL_END
