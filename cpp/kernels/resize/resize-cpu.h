// What the x86 CPU this runs on can do, asked without compiler builtins (MSVC has none). Operating-system
// support for the vector registers is part of the answer.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)

#include <cstdint>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define GGCLIP_TARGET_AVX2  // MSVC compiles intrinsics of any level anywhere
#define GGCLIP_TARGET_AVX2_FMA
#else
#include <cpuid.h>
#define GGCLIP_TARGET_AVX2 __attribute__((target("avx2")))
#define GGCLIP_TARGET_AVX2_FMA __attribute__((target("avx2,fma,f16c")))
#endif

namespace ggclip::kernels {

struct x86_features {
    bool avx2 = false;
    bool fma = false;
    bool f16c = false;
};

inline void x86_cpuid(uint32_t leaf, uint32_t regs[4]) {
#if defined(_MSC_VER) && !defined(__clang__)
    int out[4];
    __cpuidex(out, int(leaf), 0);
    for (int i = 0; i < 4; i++) regs[i] = uint32_t(out[i]);
#else
    if (!__get_cpuid_count(leaf, 0, &regs[0], &regs[1], &regs[2], &regs[3])) {
        regs[0] = regs[1] = regs[2] = regs[3] = 0;
    }
#endif
}

// Register states the operating system saves (XCR0).
inline uint64_t x86_saved_state() {
#if defined(_MSC_VER) && !defined(__clang__)
    return _xgetbv(0);
#else
    uint32_t low;
    uint32_t high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t(high) << 32) | low;
#endif
}

inline x86_features detect_x86_features() {
    x86_features found;
    uint32_t regs[4] = {};  // eax ebx ecx edx
    x86_cpuid(0, regs);
    if (regs[0] < 7) return found;
    x86_cpuid(1, regs);
    const uint32_t ecx = regs[2];
    const bool os_saves_ymm = (ecx >> 27 & 1) && (x86_saved_state() & 6) == 6;  // OSXSAVE; SSE and AVX state
    if (!os_saves_ymm || !(ecx >> 28 & 1)) return found;
    x86_cpuid(7, regs);
    found.avx2 = regs[1] >> 5 & 1;
    found.fma = ecx >> 12 & 1;
    found.f16c = ecx >> 29 & 1;
    return found;
}

inline const x86_features & cpu_features() {
    static const x86_features features = detect_x86_features();
    return features;
}

}  // namespace ggclip::kernels

#endif
