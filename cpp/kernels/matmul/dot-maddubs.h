// Integer dot products on x86 without VNNI: (v)pmaddubsw multiplies pairs of an unsigned and a signed byte and adds
// neighbours in 16-bit lanes, where what does not fit saturates. How many bits both sides may have, and how many
// products are summed before the lanes are widened, is the whole design:
//
// 8-bit weights: activations of 7 bits, 0..127 from the smallest to the largest of a block of 32. Two products reach
// 2 * 127 * 127 = 32258. That each block has a range of its own makes up for most of the bit, and costs little: the
// weights have a scale for each block, too. `precision: 'fast'`: 7 bits on both sides. Four products reach 4 * 127 * 63
// = 32004, so lanes are widened half as often. 4- and 5-bit weights: activations of 8 bits. A block's sums stay in
// 16-bit lanes, each over 16 inputs. They may wrap on the way, but each starts at -offset * (sum of its activations)
// and so ends at sum (u - offset) * a, which is at most 16 * 16 * 127 = 32512 in size. Include after the level's simd
// header.
#pragma once

#include "kernels/matmul/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

// Makes a sum final before the next product. Without it GCC's reassociation computes a whole block's products
// first and spills them.
GGCLIP_INLINE vi in_order(vi sum) {
#if defined(__GNUC__)
    __asm__("" : "+x"(sum));
#endif
    return sum;
}

// What both kinds of 7-bit activations have in common. An activation is min + quant * d, so a block adds
// min * (sum of the weights) to its product, which is kept with the weights.
struct seven_bit_activations {
    using activation = uint8_t;
    static constexpr int limit = 127;  // largest quant
    static constexpr int zero = 0;
    static constexpr bool ranges = true;
    static constexpr bool shifted_sums = false;
    static constexpr bool has_correction = false;

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    // The sums of rows' weights, 16 bits each.
    static GGCLIP_INLINE_MEMBER vf row_sums(const uint8_t * p) { return words_to_float(p); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }
};

struct dot_eight_by_seven : seven_bit_activations, dot_in_lanes<dot_eight_by_seven> {
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return in_order(add_i(sum, add_neighbours(multiply_bytes(a, w))));
    }
};

struct dot_seven_by_seven : seven_bit_activations {
    static constexpr int group = 4;
    static constexpr int weight_limit = 63;
    static constexpr int row_unit = 64;

    // Adds the products of 64 inputs. w: [16][panel_rows][4] bytes, a: T tokens of 64 bytes.
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        constexpr int vector_bytes = lanes * group;
        GGCLIP_UNROLL
        for (int g = 0; g < row_unit / group; g += 2) {
            const uint8_t * const first = w + 2 * g * vector_bytes;
            const uint8_t * const second = first + 2 * vector_bytes;
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                const vi a0 = broadcast_32(a + t * token_bytes + g * group);
                const vi a1 = broadcast_32(a + t * token_bytes + (g + 1) * group);
                GGCLIP_UNROLL
                for (int half = 0; half < 2; half++) {
                    const vi products = add_words(multiply_bytes(a0, load_bytes(first + half * vector_bytes)),
                                                  multiply_bytes(a1, load_bytes(second + half * vector_bytes)));
                    sum[t][half] = in_order(add_i(sum[t][half], add_neighbours(products)));
                }
            }
        }
    }
    // What two steps cost, for peak.h.
    static GGCLIP_INLINE_MEMBER vi two_steps(vi sum, vi w, vi a) {
        return in_order(add_i(sum, add_neighbours(add_words(multiply_bytes(a, w), multiply_bytes(w, a)))));
    }
};

struct dot_bytes : eight_bit_activations, dot_in_lanes<dot_bytes> {
    using activation = int8_t;
    static constexpr int group = 4;
    static constexpr bool has_correction = true;
    // Lane j of sums: the block's activations whose index is j modulo the lanes. The low word of a lane holds products
    // of the first two inputs of four, the high word those of the others.
    static GGCLIP_INLINE_MEMBER uint32_t correction(int offset, vi sums) {
        uint32_t lane[lanes];  // unsigned: activations that are not finite wrap
        store_i(lane, sums);
        uint32_t low = 0, high = 0;
        for (int j = 0; j < lanes; j += 4) {
            low += lane[j] + lane[j + 1];
            high += lane[j + 2] + lane[j + 3];
        }
        return ((uint32_t) -offset * low & 0xffff) | (uint32_t) -offset * high << 16;
    }

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    static GGCLIP_INLINE_MEMBER vi start(const void * correction) { return broadcast_32(correction); }
    static GGCLIP_INLINE_MEMBER vi load_bytes(const uint8_t * p) { return load_i(p); }
    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) { return in_order(add_words(sum, multiply_bytes(w, a))); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(add_neighbours(sum)); }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
template <>
struct dot_of<weight_type::q8_0> {
    using type = dot_eight_by_seven;
};
using row_dot = dot_seven_by_seven;

GGCLIP_LEVEL_END
