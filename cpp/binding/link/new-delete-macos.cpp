// C++'s operators new and delete of the addon that zig links for macOS. Those of its runtime are visible to every
// library of the process, and its linker reads no list of exports; these are hidden (CMakeLists.txt), and stand in
// their place: all of them, since a single one that is missing would bring the runtime's, and their visibility.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

void * memoryOf(std::size_t size) { return std::malloc(size == 0 ? 1 : size); }

void * memoryOf(std::size_t size, std::align_val_t alignment) {
    const std::size_t least = std::max(sizeof(void *), (std::size_t) alignment);
    void * memory = nullptr;
    return posix_memalign(&memory, least, size == 0 ? 1 : size) == 0 ? memory : nullptr;
}

/** Asks the program's handler for more as long as there is one. */
template <class... Arguments>
void * allocate(Arguments... arguments) {
    for (;;) {
        if (void * memory = memoryOf(arguments...)) return memory;
        const std::new_handler handler = std::get_new_handler();
        if (handler == nullptr) throw std::bad_alloc();
        handler();
    }
}

template <class... Arguments>
void * allocateOrNull(Arguments... arguments) noexcept {
    try {
        return allocate(arguments...);
    } catch (...) {
        return nullptr;
    }
}

}  // namespace

using std::align_val_t;
using std::nothrow_t;
using std::size_t;

void * operator new(size_t size) { return allocate(size); }
void * operator new[](size_t size) { return allocate(size); }
void * operator new(size_t size, align_val_t alignment) { return allocate(size, alignment); }
void * operator new[](size_t size, align_val_t alignment) { return allocate(size, alignment); }
void * operator new(size_t size, const nothrow_t &) noexcept { return allocateOrNull(size); }
void * operator new[](size_t size, const nothrow_t &) noexcept { return allocateOrNull(size); }
void * operator new(size_t size, align_val_t alignment, const nothrow_t &) noexcept {
    return allocateOrNull(size, alignment);
}
void * operator new[](size_t size, align_val_t alignment, const nothrow_t &) noexcept {
    return allocateOrNull(size, alignment);
}

void operator delete(void * memory) noexcept { std::free(memory); }
void operator delete[](void * memory) noexcept { std::free(memory); }
void operator delete(void * memory, size_t) noexcept { std::free(memory); }
void operator delete[](void * memory, size_t) noexcept { std::free(memory); }
void operator delete(void * memory, align_val_t) noexcept { std::free(memory); }
void operator delete[](void * memory, align_val_t) noexcept { std::free(memory); }
void operator delete(void * memory, size_t, align_val_t) noexcept { std::free(memory); }
void operator delete[](void * memory, size_t, align_val_t) noexcept { std::free(memory); }
void operator delete(void * memory, const nothrow_t &) noexcept { std::free(memory); }
void operator delete[](void * memory, const nothrow_t &) noexcept { std::free(memory); }
void operator delete(void * memory, align_val_t, const nothrow_t &) noexcept { std::free(memory); }
void operator delete[](void * memory, align_val_t, const nothrow_t &) noexcept { std::free(memory); }
