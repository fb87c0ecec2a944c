// Kernel table of a vector level. The level's source file includes its simd and dot headers, then this one, and invokes
// GGCLIP_DEFINE_TABLE(cpu_level::avx2, "avx2").
#pragma once

#include "kernels/attention.h"
#include "kernels/depthwise.h"
#include "kernels/matmul/linear-pack.h"
#include "kernels/matmul/pack-weights.h"
#include "kernels/matmul/peak.h"
#include "kernels/rotate.h"

#define GGCLIP_TABLE_NAME_(level) level##_kernels
#define GGCLIP_TABLE_NAME(level) GGCLIP_TABLE_NAME_(level)

#define GGCLIP_DEFINE_TABLE(level_value, level_string)                              \
    GGCLIP_LEVEL_BEGIN                                                              \
    static constexpr kernel_table table() {                                         \
        kernel_table t = {};                                                        \
        t.level = level_value;                                                      \
        t.name = level_string;                                                      \
        t.packed_size = packed_size;                                                \
        t.pack = pack;                                                              \
        t.activations_size = activations_size;                                      \
        t.pack_activations = pack_activations;                                      \
        t.layer_norm_pack = layer_norm_pack;                                        \
        t.linear = linear;                                                          \
        t.linear_pack = linear_pack;                                                \
        t.layer_norm = layer_norm;                                                  \
        t.rotate = rotate;                                                          \
        t.attention_scratch_size = attention_scratch_size;                          \
        t.attention = attention;                                                    \
        t.depthwise_scratch_size = depthwise_scratch_size;                          \
        t.depthwise = depthwise;                                                    \
        t.gate = gate;                                                              \
        t.peak = peak;                                                              \
        return t;                                                                   \
    }                                                                               \
    GGCLIP_LEVEL_END                                                                \
    namespace ggclip::kernels {                                                     \
    extern const kernel_table GGCLIP_TABLE_NAME(GGCLIP_LEVEL);                      \
    constexpr kernel_table GGCLIP_TABLE_NAME(GGCLIP_LEVEL) = GGCLIP_LEVEL::table(); \
    }
