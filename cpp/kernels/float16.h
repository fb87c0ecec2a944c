// IEEE binary16 and bfloat16. All functions are static because files of any level include this (see levels/level.h).
#pragma once

#include <stdint.h>
#include <string.h>

namespace ggclip::kernels {

constexpr float max_f16 = 65504.0f;  // largest finite value
constexpr uint16_t f16_infinity = 0x7c00;

static inline float bits_to_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static inline float bf16_to_float(uint16_t bits) { return bits_to_float((uint32_t) bits << 16); }

// Exact, including subnormals, infinities and NaN. Branch-free, so that compilers can vectorise loops over it.
static inline float f16_to_float(uint16_t bits) {
#if defined(__aarch64__) && !defined(_MSC_VER)
    __fp16 half;  // a single instruction here
    memcpy(&half, &bits, sizeof(half));
    return half;
#else
    const uint32_t sign = (uint32_t) (bits & 0x8000) << 16;
    const uint32_t magnitude = bits & 0x7fff;
    const uint32_t rebias =
        magnitude >= f16_infinity ? 2 * 112 << 23 : 112 << 23;  // exponent 31 becomes 255, others increase by 127 - 15
    const float subnormal = (float) (int32_t) magnitude * 5.9604644775390625e-8f;  // 2^-24
    uint32_t subnormal_bits;
    memcpy(&subnormal_bits, &subnormal, sizeof(subnormal));
    return bits_to_float(sign | (magnitude < 0x0400 ? subnormal_bits : (magnitude << 13) + rebias));
#endif
}

}  // namespace ggclip::kernels
