#define GGCLIP_LEVEL avx_vnni

#include "simd-avx2.h"

#define GGCLIP_DPBUSD _mm256_dpbusd_avx_epi32
#define GGCLIP_DPWSSD _mm256_dpwssd_avx_epi32
#include "dot-vnni.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx_vnni, "avx-vnni")
