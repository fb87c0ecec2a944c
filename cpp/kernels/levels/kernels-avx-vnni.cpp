#define GGCLIP_LEVEL avx_vnni

#include "kernels/levels/simd-avx2.h"

#define GGCLIP_DPBUSD _mm256_dpbusd_avx_epi32
#define GGCLIP_DPWSSD _mm256_dpwssd_avx_epi32
#include "kernels/matmul/dots/dot-vnni.h"
#define GGCLIP_WORD_ATTENTION
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx_vnni, "avx-vnni")
