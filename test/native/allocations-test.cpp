// Fails each allocation made by opening, loading, encoding, converting and inspecting, one at a time: the library's
// through operator new and mmap, ggml's through malloc and related functions. Each time the result must be
// OUT_OF_MEMORY (or std::bad_alloc, which the binding converts to it), the process must continue, and the next
// undisturbed run, even of the same session, must give the same numbers.
#include "formats-files.h"

#include "engine/run/session.h"
#include "formats/inspect.h"
#include "formats/write/convert.h"
#include "formats/open-model.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

// ---- allocations that fail
// -------------------------------------------------------------------------------------------

static std::atomic<long> countdown{-1};  // allocations until the failing one; negative: none fails
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
int __real_posix_memalign(void **, size_t, size_t);
void * __real_mmap(void *, size_t, int, int, int, off_t);

void * __wrap_malloc(size_t n) { return fails() ? nullptr : __real_malloc(n); }
void * __wrap_calloc(size_t n, size_t size) { return fails() ? nullptr : __real_calloc(n, size); }
void * __wrap_realloc(void * block, size_t n) { return fails() ? nullptr : __real_realloc(block, n); }
int __wrap_posix_memalign(void ** block, size_t alignment, size_t n) {
    return fails() ? ENOMEM : __real_posix_memalign(block, alignment, n);
}
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
void * operator new(size_t n, std::align_val_t alignment, const std::nothrow_t &) noexcept {
    return aligned(n, alignment);
}
void operator delete(void * block) noexcept { free(block); }
void operator delete(void * block, size_t) noexcept { free(block); }
void operator delete(void * block, std::align_val_t) noexcept { free(block); }

// ---- operations
// ---------------------------------------------------------------------------------------------------

using namespace test;

using outcomes = std::map<std::string, size_t>;

// Prepared inside a failing run.
static void undisturbed(const std::function<void()> & prepare) {
    const long planned = countdown.exchange(-1);
    prepare();
    countdown = planned;
}

// Calls `run` repeatedly, failing its n-th allocation for every n; after each failure calls `again`. Both must return
// the same result. An unnoticed failure (ggml's backends tolerate some) must not change the result either.
static outcomes each_failing(const std::string & what, const std::function<std::vector<float>()> & run,
                             const std::function<std::vector<float>()> & again) {
    const std::vector<float> right = run();
    outcomes out;
    for (long n = 0;; n++) {
        const std::string which = what + ", allocation " + std::to_string(n);
        std::string outcome = "went on";
        has_failed = false;
        countdown = n;
        try {
            const std::vector<float> result = run();
            countdown = -1;
            if (!has_failed) break;
            check(result == right, which + ": different result");
        } catch (const error & failure) {
            countdown = -1;
            outcome = error_code_name(failure.code());
            check(failure.code() == error_code::OUT_OF_MEMORY, which + ": " + outcome + " " + failure.what());
        } catch (const std::bad_alloc &) {
            countdown = -1;
            outcome = "bad_alloc";
        }
        out[outcome]++;
        check(again() == right, which + ": different result in the next run");
    }
    std::printf("%s:", what.c_str());
    for (const auto & [outcome, count] : out) std::printf(" %zu %s", count, outcome.c_str());
    std::printf("\n");
    return out;
}

static size_t failures(outcomes & counted) { return counted["bad_alloc"] + counted["ERR_CLIP_OUT_OF_MEMORY"]; }

struct variant {
    const char * kernels;
    std::string path;
    int n_threads;

    std::string name() const {
        return std::string(kernels[0] ? kernels : "best kernels") + ", " +
               (path.find(".gguf") == std::string::npos ? "safetensors" : "GGUF");
    }
};

static std::shared_ptr<const weights> load(const variant & v) {
    load_options options;
    options.device = "cpu";
    options.kernels = v.kernels;
    options.n_threads = v.n_threads;
    return std::make_shared<const weights>(open_model(v.path), options);
}

// A picture preprocessed from pixels, one picture, one text, and a batch of each.
static std::vector<float> encode(session & session) {
    const hparams & hp = session.model().hp;
    const int edge = hp.vision.image_size;
    const std::vector<uint8_t> decoded(30 * 20 * 4, 77);
    const std::vector<float> pixels((size_t) 3 * edge * edge, 0.5f);
    std::vector<float> out(6 * (size_t) hp.n_proj);

    const image_input image = image_tensor{pixels.data(), edge, edge};
    const image_input images[] = {make_image_view(decoded.data(), decoded.size(), 30, 20, 4), image};
    const int32_t ids[] = {18, 3, 19, 18, 19}, lengths[] = {3, 2};
    float * at = out.data();
    session.encode_images(&image, 1, hp.image, at);
    session.encode_texts(ids, lengths, 1, at += hp.n_proj);
    session.encode_images(images, 2, hp.image, at += hp.n_proj);
    session.encode_texts(ids, lengths, 2, at += 2 * hp.n_proj);
    return out;
}

// A session over `model`; it survives a failed first run.
static void check_session(const std::string & what, const std::shared_ptr<const weights> & model, int n_threads) {
    std::unique_ptr<session> live;
    outcomes counted = each_failing(
        what,
        [&] {
            undisturbed([&] { live = std::make_unique<session>(model, n_threads, /*max_batch=*/2); });
            return encode(*live);
        },
        [&] { return encode(*live); });
    check(failures(counted) > 30, what + ": allocations were counted");
}

// Conversion leaves either the old file or the new one, and nothing else.
static void check_convert(const folder & where, const std::string & from) {
    const std::string target = where.file("converted.gguf");
    const size_t n_files = where.n_files() + 1;
    convert_options options;
    options.type = GGML_TYPE_Q4_0;
    options.n_threads = 2;
    std::string whole;
    const auto run = [&]() -> std::vector<float> {
        undisturbed([&] { write_file(target, "old"); });
        convert(open_model(from), {}, target, options);
        return {};
    };
    const auto again = [&]() -> std::vector<float> {
        const std::string left = read_file(target);
        check(left == "old" || left == whole,
              "converted.gguf after a failure: " + std::to_string(left.size()) + " bytes");
        check(where.n_files() == n_files, "a file was left behind");
        return {};
    };
    run();
    whole = read_file(target);
    outcomes counted = each_failing("convert", run, again);
    check(failures(counted) > 100, "convert: allocations were counted");
}

// An out-of-memory error while reading must not be reported as a file error.
static void check_inspect(const std::string & path) {
    const auto run = [&] {
        const inspection found = inspect_model(path);
        return std::vector<float>{(float) found.is_loadable, (float) found.problems.size(), (float) found.keys.size()};
    };
    outcomes counted = each_failing("inspect", run, run);
    check(failures(counted) > 100, "inspect: allocations were counted");
}

int main() {
    ggml_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    const folder where("allocations");
    const tiny_model model;
    model.write(where);
    const std::string gguf = where.file("tiny.gguf");
    convert_options options;
    options.type = GGML_TYPE_Q8_0;
    convert(open_model(where.path), {}, gguf, options);

    for (const variant & v : {variant{"", where.path, 1}, variant{"", gguf, 2}, variant{"portable", gguf, 1}}) {
        const auto loaded = [&] {
            session session(load(v), v.n_threads, /*max_batch=*/2);
            return encode(session);
        };
        outcomes counted = each_failing("load and encode, " + v.name(), loaded, loaded);
        check(failures(counted) > 100, v.name() + ": allocations were counted");
        check_session("encode, " + v.name(), load(v), v.n_threads);
    }
    check_convert(where, where.path);
    check_inspect(where.path);
    check_inspect(gguf);
    std::error_code ignored;
    std::filesystem::remove_all(folder::root(), ignored);
    std::printf("%d checks, %d failed\n", n_checks, n_failed);
    return n_failed > 0;
}
