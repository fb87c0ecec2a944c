// Integer dot products on x86 without VNNI: (v)pmaddubsw multiplies pairs of an unsigned and a signed byte and adds
// neighbours in 16-bit lanes, where what does not fit saturates. How many bits both sides may have, and how many
// products are summed before the lanes are widened, is the whole design:
//
// 8-bit weights: activations of 7 bits, 0..127 from the smallest to the largest of a group of 64. That each group has a
// range of its own makes up for most of the bit that is missing, and the ends of the sums of groups of 32 would take a
// tenth of the time. Weights have one scale in a group (`precision: 'fast'`: in a row). Four products share a lane,
// which holds them as long as the weights of one sign among the four sum to at most 258. Groups of weights where they
// do not are rounded to a larger scale when they are packed: an eighth to twice as large, for about one block of 32 in
// five of weights with a normal distribution. 4- and 5-bit weights: activations of 8 bits. A block's sums stay in
// 16-bit lanes, each over 16 inputs. They may wrap on the way, but each starts at -offset * (sum of its activations)
// and so ends at sum (u - offset) * a, which is at most 16 * 16 * 127 = 32512 in size. Include after the level's simd
// header.
#pragma once

#include <stdlib.h>

#include "kernels/matmul/dots/dot-lanes.h"

GGCLIP_LEVEL_BEGIN

// Forces a sum to be completed before the next product. Otherwise GCC's reassociation computes all products of a block
// first and spills them.
GGCLIP_INLINE vi in_order(vi sum) {
#if defined(__GNUC__)
    __asm__("" : "+x"(sum));
#endif
    return sum;
}

// An activation is min + quant * d, so a group adds min * (sum of the weights) to its product; that sum is stored with
// the weights.
struct dot_ranges : eight_bit_activations {
    using activation = uint8_t;  // without a sign: 7 bits
    static constexpr bool ranges = true;
    static constexpr bool joins_blocks = true;
    static constexpr int range_group = 64;
    static constexpr int row_unit = 64;
    static constexpr int group = 4;  // consecutive inputs of one row in a weight vector

    static GGCLIP_INLINE_MEMBER void store(void * p, vi activations) { store_as_i8(p, activations); }
    // Sums of each row's weights, 16 bits each.
    static GGCLIP_INLINE_MEMBER vf row_sums(const uint8_t * p) { return words_to_float(p); }
    static GGCLIP_INLINE_MEMBER vf finish(vi sum) { return to_float(sum); }

    // Adds the products of 32 inputs. w: [8][panel_rows][4] bytes, a: T tokens, token_bytes apart.
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        constexpr int vector_bytes = lanes * group;
        GGCLIP_UNROLL
        for (int g = 0; g < block_size / group; g += 2) {
            const uint8_t * const first = w + 2 * g * vector_bytes;
            const uint8_t * const second = first + 2 * vector_bytes;
            GGCLIP_UNROLL
            for (int t = 0; t < T; t++) {
                vi a0, a1;
                broadcast_two(a + t * token_bytes + g * group, a0, a1);
                GGCLIP_UNROLL
                for (int half = 0; half < 2; half++) {
                    sum[t][half] = two_steps(sum[t][half], load_i(first + half * vector_bytes), a0,
                                             load_i(second + half * vector_bytes), a1);
                }
            }
        }
    }

    // The largest same-sign sum of four weights sharing a lane, over n weights (a multiple of 8): half of (the sum of
    // their magnitudes + the magnitude of their sum). Packed weights must not exceed most_of_four.
    static constexpr int most_of_four = 32767 / limit;
    static inline int largest_of_four(const int8_t * w, int n) {
        int largest = 0;
        for (int i = 0; i < n; i += 8) {
            for (int pair = i; pair < i + 4; pair += 2) {
                const int a = w[pair], b = w[pair + 1], c = w[pair + 4], d = w[pair + 5];
                largest = max_int(largest, ::abs(a) + ::abs(b) + ::abs(c) + ::abs(d) + ::abs(a + b + c + d));
            }
        }
        return largest / 2;
    }

    static GGCLIP_INLINE_MEMBER vi two_steps(vi sum, vi w0, vi a0, vi w1, vi a1) {
        return in_order(add_i(sum, add_neighbours(add_words(multiply_bytes(a0, w0), multiply_bytes(a1, w1)))));
    }
};

struct dot_bytes : eight_bit_activations, dot_in_lanes<dot_bytes> {
    using activation = int8_t;
    static constexpr int group = 4;
    static constexpr bool has_correction = true;
    // Lane j of sums: the block's activations whose index is j modulo the number of lanes. A lane's low word holds
    // products of the first two inputs of four, its high word those of the other two.
    static GGCLIP_INLINE_MEMBER uint32_t correction(int offset, vi sums) {
        uint32_t lane[lanes];  // unsigned: non-finite activations wrap
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
    using type = dot_ranges;
};
using row_dot = dot_ranges;

GGCLIP_LEVEL_END
