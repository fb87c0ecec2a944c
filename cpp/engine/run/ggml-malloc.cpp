// What ggml's C sources call instead of malloc and its kin (CMakeLists.txt renames them): they take a null for granted
// to be memory, or end the process. Here it becomes std::bad_alloc, which their frames let through (-fexceptions) and
// the binding makes OUT_OF_MEMORY of. What ggml was building is lost; it is small, since tensors' memory is allocated
// by us (cpu-buffers.h). What it was changing must not be used again, nor freed (graph-memory.h).
#include <cerrno>
#include <cstdlib>
#include <new>

static void * checked(void * block, size_t n_bytes) {
    if (!block && n_bytes > 0) throw std::bad_alloc();
    return block;
}

extern "C" {

void * ggclip_malloc(size_t n_bytes) { return checked(malloc(n_bytes), n_bytes); }

void * ggclip_calloc(size_t n, size_t n_bytes) { return checked(calloc(n, n_bytes), n * n_bytes); }

void * ggclip_realloc(void * block, size_t n_bytes) { return checked(realloc(block, n_bytes), n_bytes); }

#if !defined(_WIN32)
int ggclip_posix_memalign(void ** block, size_t alignment, size_t n_bytes) {
    const int status = posix_memalign(block, alignment, n_bytes);
    if (status == ENOMEM) throw std::bad_alloc();
    return status;
}
#endif
}
