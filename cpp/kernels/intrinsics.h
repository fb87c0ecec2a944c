// x86 intrinsics, or with GGCLIP_EMULATE their software versions from SIMDe, which let the tests run levels that
// the machine does not have.
#pragma once

#if defined(GGCLIP_EMULATE)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
// What SIMDe 0.7.4 lacks.
static inline __m512 emulated_cvtepi32_ps(__m512i x) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_cvtepi32_ps(_mm512_castsi512_si256(x))),
                              _mm256_cvtepi32_ps(_mm512_extracti64x4_epi64(x, 1)), 1);
}
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#else
#include <immintrin.h>
#endif
