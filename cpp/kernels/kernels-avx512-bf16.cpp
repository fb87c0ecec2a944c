// As avx512-vnni, and bf16 products for f16 and bf16 weights (tile-bf16.h).
#define GGCLIP_LEVEL avx512_bf16
#define GGCLIP_BF16 1

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header leaves "undefined" operands uninitialised on purpose and then warns of it (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "simd-avx512.h"

#define GGCLIP_DPBUSD _mm512_dpbusd_epi32
#include "dot-vnni.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx512_bf16, "avx512-bf16")
