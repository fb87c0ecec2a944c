#define GGCLIP_LEVEL avx2

#include "kernels/levels/simd-avx2.h"
#define GGCLIP_DPWSSD(sum, w, a) in_order(add_i(sum, _mm256_madd_epi16(w, a)))
#include "kernels/matmul/dots/dot-maddubs.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx2, "avx2")
