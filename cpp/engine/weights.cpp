#include "engine/weights.h"

#include "engine/weight-loader.h"

#include <new>

#if !defined(_WIN32)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace ggclip {

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
// From the system, on a boundary of large pages where there is room for one: those load several times sooner, and the
// kernels wait less for addresses to be looked up. Null when there is no memory.
static void * map_pages(size_t n_bytes) {
    constexpr size_t huge_page = 2 * 1024 * 1024;
    const size_t spare = n_bytes < huge_page ? 0 : huge_page;
    void * const mapped = mmap(nullptr, n_bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    if (spare == 0) return mapped;

    auto * const   begin = static_cast<uint8_t *>(mapped);
    const size_t   page = (size_t) sysconf(_SC_PAGESIZE), size = (n_bytes + page - 1) / page * page;
    const size_t   before = (huge_page - (uintptr_t) begin % huge_page) % huge_page;
    if (before > 0) munmap(begin, before);
    if (before < spare) munmap(begin + before + size, spare - before);
#if defined(MADV_HUGEPAGE)
    madvise(begin + before, n_bytes, MADV_HUGEPAGE);  // a wish: small pages do as well
#endif
    return begin + before;
}
#endif

aligned_bytes allocate_aligned(size_t n_bytes) {
#if !defined(_WIN32)
    // Large blocks straight from the system: a heap keeps what is freed, and every thread that loads has one of its own.
    constexpr size_t large = 256 * 1024;
    if (n_bytes >= large) {
        void * block = map_pages(n_bytes);
        if (!block) throw_error(error_code::OUT_OF_MEMORY, "could not allocate %zu bytes", n_bytes);
        return aligned_bytes(static_cast<uint8_t *>(block), free_deleter{n_bytes});
    }
#endif
    void * p = ::operator new(n_bytes ? n_bytes : 1, std::align_val_t(64), std::nothrow);
    if (!p) throw_error(error_code::OUT_OF_MEMORY, "could not allocate %zu bytes", n_bytes);
    return aligned_bytes(static_cast<uint8_t *>(p));
}

static const kernels::kernel_table * choose_kernels(ggml_backend_dev_t device, const std::string & wanted) {
    if (!is_cpu(device) || wanted == "portable") return nullptr;
    kernels::cpu_level level = kernels::best_level();
    if (!wanted.empty() && !kernels::parse_level(wanted.c_str(), &level)) {
        throw_error(error_code::INPUT_RANGE, "kernels: expected portable or a CPU level, received '%s'", wanted.c_str());
    }
    const kernels::kernel_table * table = kernels::kernels_for(level);
    if (!table) {
        throw_error(error_code::DEVICE_UNAVAILABLE, "kernels: level '%s' is not in this build or not on this CPU", wanted.c_str());
    }
    return table;
}

weights::weights(std::shared_ptr<const model_source> source, const load_options & options)
    : hp(source->hp),
      device(find_device(options.device)),
      kernels(choose_kernels(device, options.kernels)),
      source_(std::move(source)) {
    if (!options.want_vision) hp.vision.present = false;
    if (!options.want_text) hp.text.present = false;
    if (options.want_vision && !hp.vision.present) {
        if (!options.want_text || !hp.text.present) throw_error(error_code::TOWER_MISSING, "%s: has no image tower", source_->path.c_str());
    }
    if (options.want_text && !hp.text.present && !hp.vision.present) {
        throw_error(error_code::TOWER_MISSING, "%s: has no text tower", source_->path.c_str());
    }
    weight_loader loader(*this, options);
    if (hp.vision.present) loader.load_vision();
    if (hp.text.present) loader.load_text();
    loader.finish();
}

}  // namespace ggclip
