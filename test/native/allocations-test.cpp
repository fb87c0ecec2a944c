// Every allocation that opening, loading and encoding make fails once, one after another: the library's through operator
// new and mmap, ggml's through malloc and its kin. Each time the outcome is OUT_OF_MEMORY (or std::bad_alloc, of which the
// binding makes it), the process goes on, and the next undisturbed run gives the same numbers.
#include "formats-files.h"

#include "engine/run/session.h"
#include "formats/write/convert.h"
#include "formats/open-model.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

// ---- allocations that fail -------------------------------------------------------------------------------------------

static std::atomic<long> countdown{-1};  // allocations until the one that fails; below 0: none does
static std::atomic<bool> has_failed{false};

static bool fails() {
    if (countdown.load(std::memory_order_relaxed) < 0 || countdown.fetch_sub(1) != 0) return false;
    has_failed = true;
    return true;
}

extern "C" {
void * __real_malloc(size_t);
void * __real_calloc(size_t, size_t);
void * __real_realloc(void *, size_t);
int    __real_posix_memalign(void **, size_t, size_t);
void * __real_mmap(void *, size_t, int, int, int, off_t);

void * __wrap_malloc(size_t n) { return fails() ? nullptr : __real_malloc(n); }
void * __wrap_calloc(size_t n, size_t size) { return fails() ? nullptr : __real_calloc(n, size); }
void * __wrap_realloc(void * block, size_t n) { return fails() ? nullptr : __real_realloc(block, n); }
int    __wrap_posix_memalign(void ** block, size_t alignment, size_t n) { return fails() ? ENOMEM : __real_posix_memalign(block, alignment, n); }
void * __wrap_mmap(void * at, size_t n, int protection, int flags, int file, off_t offset) {
    if (fails()) return errno = ENOMEM, MAP_FAILED;
    return __real_mmap(at, n, protection, flags, file, offset);
}
}

static void * checked(void * block) { return block ? block : throw std::bad_alloc(); }
static void * aligned(size_t n, std::align_val_t alignment) {
    void * block = nullptr;
    return fails() || __real_posix_memalign(&block, (size_t) alignment, n) != 0 ? nullptr : block;
}

// The other forms of operator new and delete call these.
void * operator new(size_t n) { return checked(fails() ? nullptr : __real_malloc(n ? n : 1)); }
void * operator new(size_t n, std::align_val_t alignment) { return checked(aligned(n, alignment)); }
void * operator new(size_t n, std::align_val_t alignment, const std::nothrow_t &) noexcept { return aligned(n, alignment); }
void   operator delete(void * block) noexcept { free(block); }
void   operator delete(void * block, size_t) noexcept { free(block); }
void   operator delete(void * block, std::align_val_t) noexcept { free(block); }

// ---- what is tried ---------------------------------------------------------------------------------------------------

using namespace test;

struct variant {
    const char * kernels;
    std::string  path, dtype;
    int          n_threads;
};

static std::vector<float> encode(const variant & v) {
    load_options options;
    options.device = "cpu";
    options.kernels = v.kernels;
    options.dtype = v.dtype;
    options.n_threads = v.n_threads;
    auto model = std::make_shared<const weights>(open_model(v.path), options);
    session session(model, v.n_threads, /*max_batch=*/2);

    const hparams & hp = model->hp;
    const int       edge = hp.vision.image_size;
    std::vector<float>   pixels((size_t) 3 * edge * edge, 0.5f), out(4 * (size_t) hp.n_proj);
    const image_tensor   image = {pixels.data(), edge, edge}, images[] = {image, image};
    const int32_t        ids[] = {18, 3, 19, 18, 19}, lengths[] = {3, 2};
    session.encode_images(images, 2, out.data());
    session.encode_texts(ids, lengths, 2, out.data() + 2 * hp.n_proj);
    return out;
}

// Which allocation failed how: "" when none was left to fail.
static std::string attempt(const variant & v, long n, const std::vector<float> & right) {
    has_failed = false;
    countdown = n;
    std::string outcome = "went on";
    try {
        const std::vector<float> out = encode(v);
        countdown = -1;
        if (!has_failed) return "";
        check(out == right, std::string(v.kernels) + ": numbers after allocation " + std::to_string(n) + " failed unnoticed");
    } catch (const error & failure) {
        countdown = -1;
        outcome = error_code_name(failure.code());
        check(failure.code() == error_code::OUT_OF_MEMORY, "allocation " + std::to_string(n) + ": " + outcome + " " + failure.what());
    } catch (const std::bad_alloc &) {
        countdown = -1;
        outcome = "bad_alloc";
    }
    return outcome;
}

int main() {
    ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    const folder     where("allocations");
    const tiny_model model;
    model.write(where);
    const std::string gguf = where.file("tiny.gguf");
    convert_options   options;
    options.type = GGML_TYPE_Q8_0;
    convert(open_model(where.path), {}, gguf, options);

    for (const variant & v : {variant{"", where.path, "", 1}, variant{"", gguf, "", 2}, variant{"portable", gguf, "", 1}}) {
        const std::vector<float>      right = encode(v);
        std::map<std::string, size_t> outcomes;
        for (long n = 0;; n++) {
            const std::string outcome = attempt(v, n, right);
            if (outcome.empty()) break;
            outcomes[outcome]++;
            if (n % 32 == 0) check(encode(v) == right, std::string(v.kernels) + ": the run after allocation " + std::to_string(n) + " failed");
        }
        std::printf("%s %s:", v.kernels[0] ? v.kernels : "best", v.path == gguf ? "q8_0" : v.dtype.empty() ? "f32" : v.dtype.c_str());
        for (const auto & [outcome, count] : outcomes) std::printf(" %zu %s", count, outcome.c_str());
        std::printf("\n");
        check(outcomes["bad_alloc"] + outcomes["ERR_CLIP_OUT_OF_MEMORY"] > 100, "allocations were counted");
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder::root(), ignored);
    std::printf("%d checks, %d failed\n", n_checks, n_failed);
    return n_failed > 0;
}
