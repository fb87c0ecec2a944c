// Enables AVX2 for single functions of a file compiled for the baseline CPU. Such a file may use std::; a level's file
// may not (see levels/level.h).
#pragma once

#if defined(_MSC_VER) && !defined(__clang__)
#define GGCLIP_TARGET_AVX2  // MSVC accepts intrinsics of any level everywhere
#else
#define GGCLIP_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))  // the features of cpu_level::avx2
#endif
