#include "engine/memory/ggml-hooks.h"

#include "engine/memory/memory.h"

#include <ggml-backend-impl.h>

namespace ggclip {

static void free_buffer(ggml_backend_buffer_t buffer) { adopt_aligned(buffer->context, buffer->size); }

// Null if out of memory, as ggml expects.
static ggml_backend_buffer_t alloc_buffer(ggml_backend_buffer_type_t type, size_t size) {
    aligned_bytes block;
    try {
        block = allocate_aligned(size);
    } catch (...) {
        return nullptr;
    }
    ggml_backend_buffer_t buffer = ggml_backend_cpu_buffer_from_ptr(block.get(), size);  // context: the block
    if (!buffer) return nullptr;
    buffer->buft = type;
    buffer->iface.free_buffer = free_buffer;
    (void) block.release();
    return buffer;
}

static ggml_backend_buffer_type make_type() {
    ggml_backend_buffer_type type = *ggml_backend_cpu_buffer_type();
    type.iface.alloc_buffer = alloc_buffer;
    return type;
}

ggml_backend_buffer_type_t cpu_buffer_type() {
    static ggml_backend_buffer_type type = make_type();
    return &type;
}

}  // namespace ggclip
