// Each level (scalar, avx2, ...) is compiled from the same headers with its own compiler flags. All definitions live in
// that level's namespace, and code below uses no std:: templates or inline functions: the linker merges such functions
// across translation units, so a CPU without AVX could end up running a copy compiled with AVX.
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
#define GGCLIP_NOINLINE static __declspec(noinline)
#define GGCLIP_UNROLL
#define GGCLIP_PREFETCH_L2(address) ((void) (address))
#else
#define GGCLIP_INLINE static inline __attribute__((always_inline))
#define GGCLIP_INLINE_MEMBER inline __attribute__((always_inline))
#define GGCLIP_NOINLINE static __attribute__((noinline))
#define GGCLIP_UNROLL _Pragma("GCC unroll 16")
#define GGCLIP_PREFETCH_L2(address) __builtin_prefetch(address, 0, 2)
#endif

GGCLIP_LEVEL_BEGIN

// A block whose largest magnitude is below this counts as zero: limit / amax would overflow float.
constexpr float smallest_amax = 1e-30f;

static constexpr int min_int(int a, int b) { return a < b ? a : b; }
static constexpr int max_int(int a, int b) { return a > b ? a : b; }
static constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

// Prefetch done by a micro-kernel alongside its work: bytes needed next are brought into L2, a few cache lines per loop
// step, so that memory transfers and multiplications overlap.
struct fetch_ahead {
    const uint8_t * next = nullptr;
    int lines = 0;  // per step
    GGCLIP_INLINE_MEMBER void step() {
        for (int i = 0; i < lines; i++, next += 64) GGCLIP_PREFETCH_L2(next);
    }
};

GGCLIP_LEVEL_END
