#define GGCLIP_LEVEL neon_i8mm

#include "kernels/matmul/dots/dot-neon-i8mm.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon_i8mm, "neon-i8mm")
