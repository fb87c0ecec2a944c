#define GGCLIP_LEVEL sse41

#include "kernels/levels/simd-sse41.h"
#define GGCLIP_DPWSSD(sum, w, a) in_order(add_i(sum, _mm_madd_epi16(w, a)))
#include "kernels/matmul/dots/dot-maddubs.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::sse41, "sse41")
