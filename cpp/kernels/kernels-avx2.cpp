#define GGCLIP_LEVEL avx2

#include "dot-avx2.h"
#include "table.h"

GGCLIP_DEFINE_TABLE(cpu_level::avx2, "avx2")
