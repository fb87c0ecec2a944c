// Geometry of picture preparation: any size of picture through any rule, whole and in parts, every flavour of the
// passes. Parts must give the bytes of the whole, and all flavours the same bytes.
#include "engine/error.h"
#include "engine/preprocess.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace ggclip;

static constexpr size_t max_pixels = 1 << 14, max_output = 1 << 16;  // an input runs in milliseconds

namespace {

struct reader {
    const uint8_t * at;
    size_t left;

    uint32_t number(uint32_t low, uint32_t high) {
        uint32_t value = 0;
        for (int i = 0; i < 3 && left > 0; i++, at++, left--) value = value << 8 | *at;
        return low + value % (high - low + 1);
    }
    // small numbers as often as large ones: the defects are at the ends
    int extent(uint32_t high) { return (int) (number(0, 3) ? number(1, std::min(high, 64u)) : number(1, high)); }
};

}  // namespace

static void check(bool good, const char * what) {
    if (good) return;
    fprintf(stderr, "finding: %s\n", what);
    abort();
}

// The window of the plan by one flavour, from packed RGB.
static std::vector<uint8_t> resized(const image_hparams & hp, const image_view & rgb, const image_size & out,
                                    const kernels::resize_passes & passes) {
    const resize_plan plan = plan_resize(hp, rgb.width, rgb.height, out.width, out.height);
    kernels::resize_scratch scratch;
    std::vector<uint8_t> bytes((size_t) plan.window_width * (size_t) plan.window_height * 3);
    const kernels::resize_job job = {
        rgb.data,
        (size_t) rgb.width * 3,
        rgb.width,
        rgb.height,
        plan.resized_width,
        plan.resized_height,
        plan.window_x,
        plan.window_y,
        plan.window_width,
        plan.window_height,
        (kernels::resize_filter) hp.filter,
        bytes.data(),
        (size_t) plan.window_width * 3,
    };
    kernels::resize_rgb8(job, scratch, passes);
    return bytes;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    reader in = {data, size};
    image_hparams hp;
    hp.mode = (resize_mode) in.number(0, 3);
    hp.filter = (interpolation) in.number(0, 2);
    hp.rounding = (crop_rounding) in.number(0, 1);
    hp.crop = in.extent(160);
    hp.resize = hp.mode == resize_mode::shortest ? hp.crop + (int) in.number(0, 64) : hp.crop;
    hp.patch = in.extent(32);
    hp.max_patches = in.extent(1024);
    const int channels = (int) (const uint32_t[]){1, 3, 4}[in.number(0, 2)];
    const int width = in.extent(1 << 14),
              height = in.extent((uint32_t) std::max<size_t>(1, max_pixels / (size_t) width));
    std::vector<uint8_t> pixels((size_t) width * height * channels);
    for (size_t i = 0; i < pixels.size(); i++) pixels[i] = (uint8_t) (in.left > 0 ? in.at[i % in.left] + i : i * 7);

    try {
        const image_size out = tower_image_size(hp, width, height);
        const size_t n = (size_t) out.width * out.height;
        check(out.width > 0 && out.height > 0, "an output without pixels");
        if (n > max_output) return 0;
        const image_view view = make_image_view(pixels.data(), pixels.size(), width, height, channels);
        preprocess_scratch scratch;
        std::vector<float> whole(3 * n), parted(3 * n);
        preprocess(hp, view, whole.data(), scratch);
        const int parts = (int) in.number(2, 7);
        for (int i = 0; i < parts; i++) preprocess(hp, view, parted.data(), scratch, {i, parts});
        check(memcmp(whole.data(), parted.data(), whole.size() * sizeof(float)) == 0, "parts differ from the whole");
        if (channels != 3) return 0;
        const kernels::resize_passes & plain = kernels::resize_passes_for(kernels::cpu_level::scalar);
        const kernels::resize_passes & best = kernels::resize_passes_for(kernels::best_level());
        check(resized(hp, view, out, best) == resized(hp, view, out, plain), best.name);
    } catch (const error & failure) {
        check(failure.code() != error_code::INTERNAL, failure.what());
    }
    return 0;
}
