// AVX-512 VNNI with tiles for integer products. Compiled only for Linux on x86-64 by compilers that know AMX-INT8.
#define GGCLIP_LEVEL amx
#define GGCLIP_TILE_REGISTERS

#if defined(__GNUC__) && !defined(__clang__)
// as in kernels-avx512-vnni.cpp
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "kernels/levels/simd-avx512.h"

#define GGCLIP_DPWSSD _mm512_dpwssd_epi32
#include "kernels/matmul/amx/tile-registers.h"
#define GGCLIP_WORD_ATTENTION
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::amx, "amx")
