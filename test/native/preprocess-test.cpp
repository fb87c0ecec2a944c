// Pixel tests that need no files. test/image/reference.test.ts compares with reference pictures.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "check.h"
#include "engine/error.h"
#include "engine/preprocess.h"
#include "kernels/resize/resize.h"

using namespace ggclip;
using namespace ggclip::kernels;
using test::n_failed;

using bytes = std::vector<uint8_t>;

static uint32_t random_state = 1;
static uint32_t next_random() { return random_state = random_state * 1664525u + 1013904223u; }
static int random_size(int most) { return 1 + (int) ((next_random() >> 8) % (uint32_t) most); }

// Noise that depends only on the size.
static bytes noise(int width, int height, int channels = 3) {
    random_state = 12345u + (uint32_t) width * 31u + (uint32_t) height;
    bytes pixels((size_t) width * (size_t) height * (size_t) channels);
    for (uint8_t & value : pixels) value = (uint8_t) (next_random() >> 24);
    return pixels;
}

static uint32_t hash(const bytes & data) {  // FNV-1a
    uint32_t h = 2166136261u;
    for (uint8_t value : data) h = (h ^ value) * 16777619u;
    return h;
}

static bytes resize(const bytes & src, int width, int height, int64_t out_width, int64_t out_height, int64_t x,
                    int64_t y, int window_width, int window_height, resize_filter filter,
                    const resize_passes & passes = resize_passes_for(best_level())) {
    resize_scratch scratch;
    bytes out((size_t) window_width * (size_t) window_height * 3);
    resize_rgb8({src.data(), (size_t) width * 3, width, height, out_width, out_height, x, y, window_width,
                 window_height, filter, out.data(), (size_t) window_width * 3},
                scratch, passes);
    return out;
}

static bytes resize(const bytes & src, int width, int height, int out_width, int out_height, resize_filter filter,
                    const resize_passes & passes = resize_passes_for(best_level())) {
    return resize(src, width, height, out_width, out_height, 0, 0, out_width, out_height, filter, passes);
}

static std::vector<const resize_passes *> all_passes() {
    std::vector<const resize_passes *> list;
    for (cpu_level level : all_levels)
        if (kernels_for(level)) list.push_back(&resize_passes_for(level));
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    return list;
}

// Hashes of Image.resize((out_width, out_height), filter) of noise(width, height) in Pillow 13.0.0.
static void test_pillow_hashes() {
    struct vector {
        int width, height, out_width, out_height;
        resize_filter filter;
        uint32_t expected;
    };
    const vector vectors[] = {
        {1, 1, 5, 7, resize_filter::nearest, 0xaf249a82u},
        {1, 1, 5, 7, resize_filter::bilinear, 0xaf249a82u},
        {1, 1, 5, 7, resize_filter::bicubic, 0xaf249a82u},
        {500, 3, 224, 224, resize_filter::nearest, 0x6221034au},
        {500, 3, 224, 224, resize_filter::bilinear, 0x11457491u},
        {500, 3, 224, 224, resize_filter::bicubic, 0xae00a60au},
        {3, 500, 24, 24, resize_filter::nearest, 0xa06a6aadu},
        {3, 500, 24, 24, resize_filter::bilinear, 0x2c31c4f7u},
        {3, 500, 24, 24, resize_filter::bicubic, 0x30b1f2a7u},
        {301, 207, 96, 64, resize_filter::nearest, 0x30614960u},
        {301, 207, 96, 64, resize_filter::bilinear, 0x84afa6bau},
        {301, 207, 96, 64, resize_filter::bicubic, 0x2f6b68c7u},
        {50, 37, 120, 90, resize_filter::nearest, 0x03dd9349u},
        {50, 37, 120, 90, resize_filter::bilinear, 0x75f21aa4u},
        {50, 37, 120, 90, resize_filter::bicubic, 0x33894405u},
        {64, 300, 60, 40, resize_filter::nearest, 0x69c92f96u},
        {64, 300, 60, 40, resize_filter::bilinear, 0x1f992736u},
        {64, 300, 60, 40, resize_filter::bicubic, 0xd5c2242fu},
        {33, 33, 33, 12, resize_filter::nearest, 0x6a60eef3u},
        {33, 33, 33, 12, resize_filter::bilinear, 0x8903674cu},
        {33, 33, 33, 12, resize_filter::bicubic, 0x7172ac5au},
        {33, 33, 12, 33, resize_filter::nearest, 0x529d69efu},
        {33, 33, 12, 33, resize_filter::bilinear, 0xee0046eau},
        {33, 33, 12, 33, resize_filter::bicubic, 0xc2cb92ecu},
        {257, 129, 1, 1, resize_filter::nearest, 0xe0f4857du},
        {257, 129, 1, 1, resize_filter::bilinear, 0x817fbf54u},
        {257, 129, 1, 1, resize_filter::bicubic, 0x817fbf54u},
    };
    for (const vector & v : vectors) {
        for (const resize_passes * passes : all_passes()) {
            const uint32_t found =
                hash(resize(noise(v.width, v.height), v.width, v.height, v.out_width, v.out_height, v.filter, *passes));
            CHECK(found == v.expected, "%s %dx%d to %dx%d filter %d", passes->name, v.width, v.height, v.out_width,
                  v.out_height, (int) v.filter);
        }
    }
}

// GGCLIP_CPU limits the resizing level like the towers' kernels.
static void test_levels() {
    for (cpu_level level : all_levels) {
        if (!kernels_for(level)) continue;
        const std::string name = preprocess_scratch(level).passes->name;
        const std::string expected = has_avx2(level) ? "avx2" : has_neon(level) ? "neon" : "generic";
        CHECK(name == expected, "%s resizes with %s", level_name(level), name.c_str());
    }
    CHECK(preprocess_scratch().passes == &resize_passes_for(best_level()), "the best is not the default");
}

static void test_flavours_and_windows_agree() {
    for (int round = 0; round < 300; round++) {
        random_state = (uint32_t) round * 7919u + 3u;
        const int most = round % 3 == 0 ? 12 : 150;
        const int w = random_size(most), h = random_size(most), ow = random_size(most), oh = random_size(most);
        const int cw = random_size(ow), ch = random_size(oh);
        const int x = random_size(ow - cw + 1) - 1, y = random_size(oh - ch + 1) - 1;
        const resize_filter filter = (resize_filter) (round % 3);
        const bytes src = noise(w, h);
        const bytes whole = resize(src, w, h, ow, oh, filter, resize_passes_for(cpu_level::scalar));
        for (const resize_passes * passes : all_passes()) {
            CHECK(resize(src, w, h, ow, oh, filter, *passes) == whole, "%s %dx%d to %dx%d", passes->name, w, h, ow, oh);
            const bytes window = resize(src, w, h, ow, oh, x, y, cw, ch, filter, *passes);
            for (int row = 0; row < ch; row++) {
                const uint8_t * expected = whole.data() + ((size_t) (y + row) * (size_t) ow + (size_t) x) * 3;
                CHECK(std::memcmp(window.data() + (size_t) row * (size_t) cw * 3, expected, (size_t) cw * 3) == 0,
                      "%s %dx%d to %dx%d window %d,%d %dx%d row %d", passes->name, w, h, ow, oh, x, y, cw, ch, row);
            }
        }
    }
}

static void test_identity_and_flat_colour() {
    const bytes src = noise(31, 17);
    for (int filter = 0; filter < 3; filter++) {
        CHECK(resize(src, 31, 17, 31, 17, (resize_filter) filter) == src, "filter %d", filter);
        const int sizes[][4] = {{1, 1, 224, 224}, {500, 3, 224, 224}, {3, 500, 224, 224}, {900, 700, 1, 1}};
        for (const auto & s : sizes) {
            const int n_pixel = s[0] * s[1];
            bytes flat((size_t) n_pixel * 3);
            for (size_t i = 0; i < flat.size(); i++) flat[i] = (uint8_t) (i % 3 == 0 ? 0 : i % 3 == 1 ? 255 : 77);
            const bytes out = resize(flat, s[0], s[1], s[2], s[3], (resize_filter) filter);
            bool same = true;
            for (size_t i = 0; i < out.size(); i++) same = same && out[i] == flat[i % 3];
            CHECK(same, "filter %d %dx%d to %dx%d", filter, s[0], s[1], s[2], s[3]);
        }
    }
}

static image_hparams params_of(resize_mode mode, crop_rounding rounding, int size, int crop) {
    image_hparams params;
    params.mode = mode;
    params.rounding = rounding;
    params.resize = size;
    params.crop = crop;
    return params;
}

static void check_plan(const char * what, const resize_plan & plan, int64_t rw, int64_t rh, int64_t x, int64_t y, int w,
                       int h, int px, int py) {
    CHECK(plan.resized_width == rw && plan.resized_height == rh && plan.window_x == x && plan.window_y == y &&
              plan.window_width == w && plan.window_height == h && plan.pad_x == px && plan.pad_y == py,
          "%s: %lldx%lld window %lld,%lld %dx%d pad %d,%d", what, (long long) plan.resized_width,
          (long long) plan.resized_height, (long long) plan.window_x, (long long) plan.window_y, plan.window_width,
          plan.window_height, plan.pad_x, plan.pad_y);
}

static void test_plans() {
    const auto floor = crop_rounding::floor;
    const auto even = crop_rounding::half_even;
    const auto hf = params_of(resize_mode::shortest, floor, 224, 224);
    const auto open_clip = params_of(resize_mode::shortest, even, 224, 224);
    check_plan("landscape", plan_resize(hf, 640, 480, 224, 224), 298, 224, 37, 0, 224, 224, 0, 0);
    check_plan("portrait", plan_resize(hf, 300, 900, 224, 224), 224, 672, 0, 224, 224, 224, 0, 0);
    // 227 - 224 = 3: floor gives 1, half to even 2
    check_plan("floor", plan_resize(hf, 227, 224, 224, 224), 227, 224, 1, 0, 224, 224, 0, 0);
    check_plan("half even", plan_resize(open_clip, 227, 224, 224, 224), 227, 224, 2, 0, 224, 224, 0, 0);
    check_plan("half even, 1", plan_resize(open_clip, 225, 224, 224, 224), 225, 224, 0, 0, 224, 224, 0, 0);
    // smaller than the crop: transformers pads ceil((10 - 7) / 2) first, open_clip's pad is floor
    check_plan("hf pad", plan_resize(params_of(resize_mode::shortest, floor, 7, 10), 20, 10, 10, 10), 14, 7, 2, 0, 10,
               7, 0, 2);
    check_plan("open_clip pad", plan_resize(params_of(resize_mode::shortest, even, 7, 10), 20, 10, 10, 10), 14, 7, 2, 0,
               10, 7, 0, 1);
    check_plan("longest", plan_resize(params_of(resize_mode::longest, even, 224, 224), 640, 481, 224, 224), 224, 168, 0,
               0, 224, 168, 0, 28);
    check_plan("longest, thin", plan_resize(params_of(resize_mode::longest, even, 224, 224), 9000, 1, 224, 224), 224, 1,
               0, 0, 224, 1, 0, 111);
    check_plan("squash", plan_resize(params_of(resize_mode::squash, floor, 96, 96), 640, 481, 96, 96), 96, 96, 0, 0, 96,
               96, 0, 0);
    check_plan("not square", plan_resize(open_clip, 640, 480, 160, 96), 160, 120, 0, 12, 160, 96, 0, 0);
    // 224 * 2^24 columns: only the window is computed
    check_plan("extreme", plan_resize(hf, max_image_edge, 1, 224, 224), (int64_t) 224 * max_image_edge, 224,
               ((int64_t) 224 * max_image_edge - 224) / 2, 0, 224, 224, 0, 0);
}

static void test_preprocess_values() {
    preprocess_scratch scratch;
    auto params = params_of(resize_mode::shortest, crop_rounding::floor, 8, 8);
    const bytes src = noise(8, 8);
    std::vector<float> out(3 * 8 * 8);
    preprocess(params, make_image_view(src.data(), src.size(), 8, 8, 3), out.data(), scratch);
    for (size_t i = 0; i < 64; i++) {
        for (size_t c = 0; c < 3; c++) {
            const double expected = (src[i * 3 + c] / 255.0 - (double) params.mean[c]) / (double) params.std[c];
            CHECK(std::fabs((double) out[c * 64 + i] - expected) < 1e-6, "pixel %zu channel %zu", i, c);
        }
    }
    // padding has the fill colour before normalisation, since transformers pads first
    params.resize = 4;
    params.fill = {9, 8, 7};
    bytes padded(8 * 8 * 3);
    resize_image(params, make_image_view(src.data(), src.size(), 8, 8, 3), 8, 8, padded.data(), scratch);
    CHECK(padded[0] == 9 && padded[1] == 8 && padded[2] == 7, "corner %d", padded[0]);
    CHECK(padded[padded.size() - 1] == 7, "last corner %d", padded[padded.size() - 1]);
}

static void test_parts() {
    preprocess_scratch scratch;
    const struct {
        resize_mode mode;
        int width, height, resize, crop;
    } cases[] = {
        {resize_mode::shortest, 61, 47, 24, 24},
        {resize_mode::shortest, 20, 150, 24, 24},  // the second size: vertical pass first
        {resize_mode::longest, 61, 23, 24, 24},
        {resize_mode::squash, 30, 90, 24, 24},
        {resize_mode::shortest, 24, 24, 24, 24},
        {resize_mode::shortest, 31, 29, 8, 24},  // padded all around
    };
    for (const auto & c : cases) {
        const auto params = params_of(c.mode, crop_rounding::floor, c.resize, c.crop);
        const bytes src = noise(c.width, c.height);
        const image_view image = make_image_view(src.data(), src.size(), c.width, c.height, 3);
        std::vector<float> whole(3 * (size_t) (c.crop * c.crop));
        preprocess(params, image, whole.data(), scratch);
        for (const int nth : {2, 3, 4, 64}) {
            std::vector<float> parts(whole.size(), -100.0f);
            for (int ith = 0; ith < nth; ith++) preprocess(params, image, parts.data(), scratch, {ith, nth});
            CHECK(parts == whole, "%d x %d in %d parts", c.width, c.height, nth);
        }
    }
}

static void test_channels_and_stride() {
    preprocess_scratch scratch;
    const auto params = params_of(resize_mode::shortest, crop_rounding::floor, 6, 6);
    const bytes gray = noise(13, 9, 1);
    bytes rgb, rgba, wide;
    for (size_t i = 0; i < gray.size(); i++) {
        for (int c = 0; c < 3; c++) rgb.push_back(gray[i]);
        for (int c = 0; c < 4; c++) rgba.push_back(c < 3 ? gray[i] : 255);
    }
    for (size_t y = 0; y < 9; y++) {
        wide.insert(wide.end(), rgb.begin() + long(y * 39), rgb.begin() + long(y * 39 + 39));
        wide.insert(wide.end(), 5, 0xee);
    }
    bytes from_gray(108), from_rgb(108), from_rgba(108), from_wide(108);
    resize_image(params, make_image_view(gray.data(), gray.size(), 13, 9, 1), 6, 6, from_gray.data(), scratch);
    resize_image(params, make_image_view(rgb.data(), rgb.size(), 13, 9, 3), 6, 6, from_rgb.data(), scratch);
    resize_image(params, make_image_view(rgba.data(), rgba.size(), 13, 9, 4), 6, 6, from_rgba.data(), scratch);
    resize_image(params, image_view{wide.data(), 13, 9, 3, 44}, 6, 6, from_wide.data(), scratch);
    CHECK(from_gray == from_rgb, "gray");
    CHECK(from_rgba == from_rgb, "opaque alpha");
    CHECK(from_wide == from_rgb, "stride");

    // straight alpha over the background: 0, 255 and in between, rounded to nearest
    auto one = params_of(resize_mode::squash, crop_rounding::floor, 1, 1);
    one.background = {255, 0, 100};
    for (int alpha = 0; alpha < 256; alpha++) {
        const uint8_t pixel[4] = {10, 200, 100, (uint8_t) alpha};
        uint8_t out[3];
        resize_image(one, make_image_view(pixel, 4, 1, 1, 4), 1, 1, out, scratch);
        for (size_t c = 0; c < 3; c++) {
            const double exact = (pixel[c] * alpha + one.background[c] * (255 - alpha)) / 255.0;
            CHECK(std::fabs(out[c] - exact) <= 0.51, "alpha %d channel %zu: %d, exact %g", alpha, c, out[c], exact);
        }
    }
}

static void expect_error(const char * what, error_code code, const std::function<void()> & act) {
    try {
        act();
        CHECK(false, "%s: nothing thrown", what);
    } catch (const error & found) {
        CHECK(found.code() == code, "%s: %s", what, error_code_name(found.code()));
    }
}

// Patch grids of pictures that keep their proportions, matching transformers' get_image_size_for_max_num_patches.
static void test_patch_grids() {
    const struct {
        int most, width, height, columns, rows;
    } expected[] = {
        {256, 640, 480, 18, 14},   {256, 480, 640, 14, 18},  {256, 1, 1, 7, 7},        {256, 1, 1000, 1, 256},
        {256, 5000, 3, 256, 1},    {256, 17, 31, 12, 21},    {256, 256, 256, 16, 16},  {256, 255, 257, 16, 16},
        {256, 1920, 1080, 21, 12}, {256, 3, 4000, 1, 256},   {256, 777, 333, 24, 10},  {1024, 640, 480, 36, 27},
        {1024, 480, 640, 27, 36},  {1024, 1, 1, 7, 7},       {1024, 1, 1000, 1, 1000}, {1024, 5000, 3, 1024, 1},
        {1024, 17, 31, 24, 42},    {1024, 256, 256, 32, 32}, {1024, 255, 257, 32, 32}, {1024, 1920, 1080, 42, 24},
        {1024, 3, 4000, 1, 1024},  {1024, 777, 333, 48, 21},
    };
    image_hparams params;
    params.mode = resize_mode::patches;
    params.patch = 16;
    for (const auto & e : expected) {
        params.max_patches = e.most;
        const image_size size = tower_image_size(params, e.width, e.height);
        CHECK(size.width == 16 * e.columns && size.height == 16 * e.rows,
              "%d x %d in %d patches: expected %d x %d, found %d x %d pixels", e.width, e.height, e.most, e.columns,
              e.rows, size.width, size.height);
    }
}

static void test_errors() {
    preprocess_scratch scratch;
    const auto params = params_of(resize_mode::shortest, crop_rounding::floor, 8, 8);
    std::vector<float> out(3 * 8 * 8);
    const uint8_t pixel[4] = {};
    const auto run = [&](const image_hparams & p, const image_view & v) { preprocess(p, v, out.data(), scratch); };
    const auto view = [&](size_t n, int64_t w, int64_t h, int64_t c) { return make_image_view(pixel, n, w, h, c); };
    expect_error(
        "length", error_code::INPUT_SHAPE, [&] { view(4, 1, 1, 3); });
    expect_error(
        "no width", error_code::INPUT_RANGE, [&] { view(0, 0, 1, 3); });
    expect_error(
        "negative", error_code::INPUT_RANGE, [&] { view(3, -1, -1, 3); });
    expect_error(
        "huge", error_code::INPUT_RANGE, [&] { view(0, (int64_t) 1 << 32, (int64_t) 1 << 32, 4); });
    expect_error(
        "long", error_code::INPUT_SHAPE, [&] { view(3, max_image_edge, max_image_edge, 3); });
    expect_error(
        "channels", error_code::INPUT_RANGE, [&] { view(2, 1, 1, 2); });
    expect_error(
        "no data", error_code::INPUT_SHAPE,
        [&] {
            run(params, image_view{nullptr, 1, 1, 3, 0});
        });
    expect_error(
        "stride", error_code::INPUT_RANGE,
        [&] {
            run(params, image_view{pixel, 1, 1, 4, 3});
        });
    expect_error("stride overflow", error_code::INPUT_RANGE, [&] {
        run(params, image_view{pixel, 1, 9, 3, SIZE_MAX / 4});
    });
    for (int field = 0; field < 4; field++) {
        image_hparams bad = params;
        if (field == 0) bad.resize = 0;
        if (field == 1) bad.crop = 1 << 20;
        if (field == 2) bad.std[1] = 0.0f;
        if (field == 3) bad.mean[2] = NAN;
        expect_error("params", error_code::CONFIG_INVALID, [&] { run(bad, view(3, 1, 1, 3)); });
    }
    // extreme shapes work with little memory
    const bytes thin((size_t) 3 * 1000000, 50);
    run(params, make_image_view(thin.data(), thin.size(), 1000000, 1, 3));
    run(params, make_image_view(thin.data(), thin.size(), 1, 1000000, 3));
    CHECK(std::fabs((double) out[0] - (50 / 255.0 - (double) params.mean[0]) / (double) params.std[0]) < 1e-6, "thin");
}

int main() {
    test_pillow_hashes();
    test_levels();
    test_flavours_and_windows_agree();
    test_identity_and_flat_colour();
    test_plans();
    test_preprocess_values();
    test_parts();
    test_channels_and_stride();
    test_patch_grids();
    test_errors();
    std::printf("preprocess (%s): %s\n", resize_passes_for(best_level()).name, n_failed == 0 ? "ok" : "FAILED");
    return n_failed == 0 ? 0 : 1;
}
