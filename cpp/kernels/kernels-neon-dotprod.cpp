#define GGCLIP_LEVEL neon_dotprod

#include "dot-neon.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::neon_dotprod, "neon-dotprod")
