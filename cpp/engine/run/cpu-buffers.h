// ggml's buffers in the CPU's memory, taken from the system (memory.h) where they are large: ggml would take them from
// the heap of the thread that happens to need them, which may keep tens of megabytes after they are freed.
#pragma once

#include <ggml-backend.h>

namespace ggclip {

ggml_backend_buffer_type_t cpu_buffer_type();

}  // namespace ggclip
