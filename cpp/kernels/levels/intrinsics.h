// x86 intrinsics, or with GGCLIP_EMULATE their software versions from SIMDe (newer than 0.8), so tests can run levels
// the machine lacks. (SIMDe makes those files slow to compile: minutes, at -O1.)
#pragma once

#if defined(GGCLIP_EMULATE)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
#define _mm256_dpwssd_avx_epi32 simde_mm256_dpwssd_epi32
#else
#include <immintrin.h>
#endif
