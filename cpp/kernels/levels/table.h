// A vector level's kernel table. The level's source file includes its simd and dot headers, then this one, and
// names itself: GGCLIP_DEFINE_TABLE(cpu_level::avx2, "avx2").
#pragma once

#include "kernels/attention.h"
#include "kernels/matmul/linear-pack.h"
#include "kernels/matmul/pack-weights.h"
#include "kernels/matmul/peak.h"

#define GGCLIP_TABLE_NAME_(level) level##_kernels
#define GGCLIP_TABLE_NAME(level) GGCLIP_TABLE_NAME_(level)

#define GGCLIP_DEFINE_TABLE(level_value, level_string)         \
    namespace ggclip::kernels {                                \
    extern const kernel_table GGCLIP_TABLE_NAME(GGCLIP_LEVEL); \
    const kernel_table GGCLIP_TABLE_NAME(GGCLIP_LEVEL) = {     \
        level_value,                                           \
        level_string,                                          \
        GGCLIP_LEVEL::packed_size,                             \
        GGCLIP_LEVEL::pack,                                    \
        GGCLIP_LEVEL::activations_size,                        \
        GGCLIP_LEVEL::pack_activations,                        \
        GGCLIP_LEVEL::layer_norm_pack,                         \
        GGCLIP_LEVEL::linear,                                  \
        GGCLIP_LEVEL::linear_pack,                             \
        GGCLIP_LEVEL::layer_norm,                              \
        GGCLIP_LEVEL::attention_scratch_size,                  \
        GGCLIP_LEVEL::attention,                               \
        GGCLIP_LEVEL::peak,                                    \
    };                                                         \
    }
