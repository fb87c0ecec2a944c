// AVX2 for single functions of a file that is compiled for the baseline CPU: such a file may use std::, where a level's
// file may not (levels/level.h says why).
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define GGCLIP_TARGET_AVX2  // MSVC compiles intrinsics of any level anywhere
#else
#define GGCLIP_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))  // what cpu_level::avx2 stands for
#endif
