// Byte layout of ggml's weight blocks: 32 values per block, little-endian, no padding.
//   q8_0  f16 d, 32 x int8                      w = d * q
//   q4_0  f16 d, 16 bytes of nibbles            w = d * (q - 8)
//   q4_1  f16 d, f16 m, 16 bytes of nibbles     w = d * q + m
//   q5_0  f16 d, u32 high bits, 16 bytes        w = d * (q - 16)
//   q5_1  f16 d, f16 m, u32 high bits, 16 bytes w = d * q + m
// Byte j of the nibbles holds value j in its low half and value j + 16 in its high half; bit j of the high bits is bit
// 4 of value j.
#pragma once

#include <string.h>

#include "kernels/float16.h"
#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

constexpr int block_size = 32;

// n values and the zeros that fill the last block.
constexpr int whole_blocks(int n) { return (n + block_size - 1) / block_size * block_size; }

struct block_layout {
    int bytes;
    int min;        // byte offset of m; 0: none
    int high_bits;  // byte offset of qh; 0: none
    int quants;     // byte offset of the quants
    int offset;     // subtracted from an unsigned quant before it is multiplied by d (see below)
};

// A quant represents d * (u - offset) + m with u unsigned. Types with a minimum have offset 0.
constexpr block_layout layout_of(weight_type type) {
    switch (type) {
        case weight_type::q8_0: return {34, 0, 0, 2, 128};
        case weight_type::q4_0: return {18, 0, 0, 2, 8};
        case weight_type::q4_1: return {20, 2, 0, 4, 0};
        case weight_type::q5_0: return {22, 0, 2, 6, 16};
        case weight_type::q5_1: return {24, 2, 4, 8, 0};
        default: return {0, 0, 0, 0, 0};
    }
}

constexpr bool is_quantized(weight_type type) {
    return type != weight_type::f32 && type != weight_type::f16 && type != weight_type::bf16;
}

constexpr bool has_min(weight_type type) { return type == weight_type::q4_1 || type == weight_type::q5_1; }

static inline uint16_t load_u16(const uint8_t * p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static inline uint32_t load_u32(const uint8_t * p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

// Unsigned quant j (0..31) of one block of a row.
static inline int quant_at(weight_type type, const uint8_t * block, int j) {
    const block_layout b = layout_of(type);
    if (type == weight_type::q8_0) return (int8_t) block[b.quants + j] + 128;
    const uint8_t byte = block[b.quants + (j & 15)];
    int q = j < 16 ? byte & 15 : byte >> 4;
    if (b.high_bits) q |= (int) (load_u32(block + b.high_bits) >> j & 1) << 4;
    return q;
}

GGCLIP_LEVEL_END
