// ggml's CPU buffers. Large ones come from the system (memory.h): ggml would take them from the calling thread's heap,
// which may retain tens of megabytes after they are freed.
#pragma once

#include <ggml-backend.h>

namespace ggclip {

ggml_backend_buffer_type_t cpu_buffer_type();

}  // namespace ggclip
