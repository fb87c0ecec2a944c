#define GGCLIP_LEVEL neon_i8mm

#include "dot-neon-i8mm.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon_i8mm, "neon-i8mm")
