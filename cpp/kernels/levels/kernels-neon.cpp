#define GGCLIP_LEVEL neon

#include "kernels/matmul/dots/dot-neon-mull.h"
#include "kernels/levels/table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon, "neon")
