// For now the dotprod kernels under the i8mm level's name; smmla wants a tile of its own (2 rows x 2 tokens a sum).
#define GGCLIP_LEVEL neon_i8mm

#include "dot-neon.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon_i8mm, "neon-i8mm")
