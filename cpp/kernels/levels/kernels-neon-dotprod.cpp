#define GGCLIP_LEVEL neon_dotprod

#include "kernels/matmul/dots/dot-neon.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon_dotprod, "neon-dotprod")
