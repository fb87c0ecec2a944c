#define GGCLIP_LEVEL avx512_vnni

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header deliberately leaves "undefined" operands uninitialised, then warns about it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/levels/simd-avx512.h"

#define GGCLIP_DPBUSD _mm512_dpbusd_epi32
#define GGCLIP_DPWSSD _mm512_dpwssd_epi32
#include "kernels/matmul/dots/dot-vnni.h"
#define GGCLIP_WORD_ATTENTION
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx512_vnni, "avx512-vnni")
