// Every level (scalar, avx2, ...) is compiled from the same headers with its own compiler flags. All that
// they define lives in a namespace of that level, and nothing from std:: that is a template or an inline
// function is used below it: the linker merges such functions between translation units, and a CPU without
// AVX could then be handed a copy compiled with AVX.
#pragma once

#include "kernels/kernels.h"

#ifndef GGCLIP_LEVEL
#error "GGCLIP_LEVEL must name the level's namespace before this header is included"
#endif

#define GGCLIP_LEVEL_BEGIN namespace ggclip::kernels::GGCLIP_LEVEL {
#define GGCLIP_LEVEL_END }

#if defined(_MSC_VER) && !defined(__clang__)
#define GGCLIP_INLINE static __forceinline
#define GGCLIP_INLINE_MEMBER __forceinline
#define GGCLIP_UNROLL
#define GGCLIP_PREFETCH_L2(address) ((void) (address))
#else
#define GGCLIP_INLINE static inline __attribute__((always_inline))
#define GGCLIP_INLINE_MEMBER inline __attribute__((always_inline))
#define GGCLIP_UNROLL _Pragma("GCC unroll 16")
#define GGCLIP_PREFETCH_L2(address) __builtin_prefetch(address, 0, 2)
#endif

GGCLIP_LEVEL_BEGIN

// Below this largest magnitude a block counts as zero: limit / amax would leave the range of floats.
constexpr float smallest_amax = 1e-30f;

static constexpr int min_int(int a, int b) { return a < b ? a : b; }
static constexpr int max_int(int a, int b) { return a > b ? a : b; }
static constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

// What a micro-kernel brings to L2 beside its own work: bytes that are needed next, some lines with each step of its
// loop, so that neither memory nor the multiply units wait for each other.
struct fetch_ahead {
    const uint8_t * next = nullptr;
    int lines = 0;  // with each step
    GGCLIP_INLINE_MEMBER void step() {
        for (int i = 0; i < lines; i++, next += 64) GGCLIP_PREFETCH_L2(next);
    }
};

GGCLIP_LEVEL_END
