#include "engine/memory/memory.h"

#include "engine/error.h"

#include <new>

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace ggclip {

#if !defined(_WIN32)
constexpr size_t large_page = 2 * 1024 * 1024;

// Blocks of at least this size come directly from the system: heaps retain freed memory, and every thread that loads or
// computes has its own heap.
constexpr size_t large_block = 256 * 1024;

// Requests large pages if the system leaves that to the program (Linux): faster page faults and fewer TLB misses. Only
// a hint, for memory not yet written.
static void prefer_large_pages(void * begin, size_t n_bytes) {
#if defined(MADV_HUGEPAGE)
    const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE), first = ((uintptr_t) begin + page - 1) / page * page;
    const uintptr_t end = (uintptr_t) begin + n_bytes;
    if (end > first && end - first >= large_page) madvise(reinterpret_cast<void *>(first), end - first, MADV_HUGEPAGE);
#else
    (void) begin;
    (void) n_bytes;
#endif
}
#endif

void free_deleter::operator()(void * p) const {
#if !defined(_WIN32)
    if (mapped > 0) {
        munmap(p, mapped);
        return;
    }
#endif
    ::operator delete(p, std::align_val_t(64));
}

#if !defined(_WIN32)
// Memory from the system, aligned to a large page if it is at least that long: large pages load several times faster,
// and kernels wait less for address translation. Null if out of memory.
static void * map_pages(size_t n_bytes) {
    const size_t spare = n_bytes < large_page ? 0 : large_page;
    void * const mapped = mmap(nullptr, n_bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    if (spare == 0) return mapped;

    auto * const begin = static_cast<uint8_t *>(mapped);
    const size_t page = (size_t) sysconf(_SC_PAGESIZE), size = (n_bytes + page - 1) / page * page;
    const size_t before = (large_page - (uintptr_t) begin % large_page) % large_page;
    if (before > 0) munmap(begin, before);
    if (before < spare) munmap(begin + before + size, spare - before);
    prefer_large_pages(begin + before, n_bytes);
    return begin + before;
}
#endif

// Null if out of memory.
static void * allocate(size_t n_bytes) {
#if !defined(_WIN32)
    if (n_bytes >= large_block) return map_pages(n_bytes);
#endif
    return ::operator new(n_bytes ? n_bytes : 1, std::align_val_t(64), std::nothrow);
}

aligned_bytes allocate_aligned(size_t n_bytes) {
    void * block = allocate(n_bytes);
    if (!block) throw_error(error_code::OUT_OF_MEMORY, "could not allocate %zu bytes", n_bytes);
    return adopt_aligned(block, n_bytes);
}

aligned_bytes adopt_aligned(void * block, [[maybe_unused]] size_t n_bytes) {
#if defined(_WIN32)
    const size_t mapped = 0;
#else
    const size_t mapped = n_bytes >= large_block ? n_bytes : 0;
#endif
    return aligned_bytes(static_cast<uint8_t *>(block), free_deleter{mapped});
}

float * float_scratch::at_least(size_t n) {
    if (n > n_) {
        n_ = 0;
        bytes_.reset();
        bytes_ = allocate_aligned(n * sizeof(float));
        n_ = n;
    }
    return reinterpret_cast<float *>(bytes_.get());
}

}  // namespace ggclip
