// Replaces malloc and related functions in ggml's C sources (renamed by CMakeLists.txt), which either use a null result
// as memory or abort. Here null becomes std::bad_alloc, which passes through their frames (-fexceptions) and which the
// binding reports as OUT_OF_MEMORY. The object ggml was building leaks; it is small, since we allocate tensor memory
// (cpu-buffers.cpp). An object ggml was modifying must be neither used again nor freed (graph-memory.h).
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
