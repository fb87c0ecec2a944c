#include "engine/preprocess.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "engine/error.h"

namespace ggclip {

namespace {

constexpr int max_output_edge = 1 << 16;

void check_image(const image_view & image) {
    if (image.data == nullptr) throw_error(error_code::INPUT_SHAPE, "image: no pixel data");
    if (image.width < 1 || image.height < 1 || image.width > max_image_edge || image.height > max_image_edge) {
        throw_error(error_code::INPUT_RANGE, "image: width and height must be 1 to %d, found %d x %d", max_image_edge,
                    image.width, image.height);
    }
    if (image.channels != 1 && image.channels != 3 && image.channels != 4)
        throw_error(error_code::INPUT_RANGE, "image: channels must be 1, 3 or 4, found %d", image.channels);
    const size_t row_bytes = (size_t) image.width * (size_t) image.channels;
    if (image.stride != 0 && image.stride < row_bytes) {
        throw_error(error_code::INPUT_RANGE, "image: stride must be at least %zu bytes, found %zu", row_bytes,
                    image.stride);
    }
    const size_t stride = image.stride != 0 ? image.stride : row_bytes;
    if (stride > SIZE_MAX / 2 / (size_t) image.height)
        throw_error(error_code::INPUT_RANGE, "image: %d rows of %zu bytes overflow", image.height, stride);
}

void check_params(const image_hparams & params) {
    if (params.resize < 1 || params.resize > max_output_edge || params.crop < 1 || params.crop > max_output_edge) {
        throw_error(error_code::CONFIG_INVALID, "image: resize and crop must be 1 to %d, found %d and %d",
                    max_output_edge, params.resize, params.crop);
    }
    if (params.mode == resize_mode::none) {
        throw_error(error_code::MODEL_UNSUPPORTED,
                    "image: this version does not resize pictures as this model expects them (resize mode none); "
                    "expected a tensor of %d x %d pixels, received a picture",
                    params.crop, params.crop);
    }
    for (size_t c = 0; c < 3; c++) {
        if (!std::isfinite(params.mean[c]) || !std::isfinite(params.std[c]) || !(params.std[c] > 0.0f)) {
            throw_error(error_code::CONFIG_INVALID,
                        "image: mean must be finite and std positive, found %g and %g for channel %zu",
                        (double) params.mean[c], (double) params.std[c], c);
        }
    }
}

// numerator / 2 to the nearest integer, ties to even, like Python's round(numerator / 2)
int64_t half_to_even(int64_t numerator) {
    const int64_t down = numerator >> 1;
    return (numerator & 1) && (down & 1) ? down + 1 : down;
}

// One axis of a centred crop or padding.
void center(int64_t resized, int out, bool half_even_crop, bool small_half_first, int64_t & window, int & length,
            int & pad) {
    if (resized >= out) {
        const int64_t excess = resized - out;
        window = half_even_crop ? half_to_even(excess) : excess / 2;
        length = out;
        pad = 0;
    } else {
        const int missing = out - (int) resized;
        window = 0;
        length = (int) resized;
        pad = small_half_first ? missing / 2 : (missing + 1) / 2;
    }
}

// open_clip's ResizeKeepRatio: both edges divided by one ratio, Python's round() (ties to even).
void keep_ratio(resize_plan & plan, int width, int height, int target_width, int target_height, bool longest) {
    const double by_width = (double) width / (double) target_width;
    const double by_height = (double) height / (double) target_height;
    const double ratio = longest ? std::max(by_width, by_height) : std::min(by_width, by_height);
    // At least 1: the reference fails on pictures so thin that an edge rounds to 0.
    plan.resized_width = std::max<int64_t>(1, (int64_t) std::nearbyint((double) width / ratio));
    plan.resized_height = std::max<int64_t>(1, (int64_t) std::nearbyint((double) height / ratio));
}

// Blends over an opaque background with the rounding of Pillow's alpha_composite (7 extra bits, then / 255).
uint8_t composite(uint32_t colour, uint32_t alpha, uint32_t under) {
    const uint32_t sum = colour * alpha + under * (255 - alpha) + 128;  // at most 255 * 255 + 128
    return (uint8_t) (((sum >> 1) + (sum << 7)) >> 15);
}

void composite_rows(const image_view & image, size_t stride, const std::array<uint8_t, 3> & background, uint8_t * rgb) {
    for (int y = 0; y < image.height; y++) {
        const uint8_t * src = image.data + (size_t) y * stride;
        for (int x = 0; x < image.width; x++, src += 4, rgb += 3) {
            // Most real pixels are opaque or fully transparent; for both, the formula gives exactly these bytes.
            const uint8_t * known = src[3] == 255 ? src : src[3] == 0 ? background.data() : nullptr;
            for (size_t c = 0; c < 3; c++) rgb[c] = known ? known[c] : composite(src[c], src[3], background[c]);
        }
    }
}

void gray_rows(const image_view & image, size_t stride, uint8_t * rgb) {
    for (int y = 0; y < image.height; y++) {
        const uint8_t * src = image.data + (size_t) y * stride;
        for (int x = 0; x < image.width; x++, rgb += 3) rgb[0] = rgb[1] = rgb[2] = src[x];
    }
}

// The picture as RGB without alpha: the input itself, or a copy in `rgb`.
image_view to_rgb(const image_hparams & params, const image_view & image, std::vector<uint8_t> & rgb) {
    const size_t stride = image.stride != 0 ? image.stride : (size_t) image.width * (size_t) image.channels;
    if (image.channels == 3) return {image.data, image.width, image.height, 3, stride};
    const size_t row_bytes = (size_t) image.width * 3;
    rgb.resize(row_bytes * (size_t) image.height);
    if (image.channels == 4) composite_rows(image, stride, params.background, rgb.data());
    else gray_rows(image, stride, rgb.data());
    return {rgb.data(), image.width, image.height, 3, row_bytes};
}

// A session keeps its scratch memory, but not a single giant picture's.
void release_if_large(std::vector<uint8_t> & memory) {
    if (memory.capacity() > ((size_t) 1 << 26)) std::vector<uint8_t>().swap(memory);
}

kernels::resize_filter filter_of(interpolation filter) {
    switch (filter) {
        case interpolation::nearest: return kernels::resize_filter::nearest;
        case interpolation::bilinear: return kernels::resize_filter::bilinear;
        case interpolation::bicubic: return kernels::resize_filter::bicubic;
    }
    throw_error(error_code::CONFIG_INVALID, "image: unknown interpolation %d", (int) filter);
}

void fill_pixels(const std::array<uint8_t, 3> & colour, uint8_t * out, size_t n_pixel) {
    for (size_t i = 0; i < n_pixel; i++, out += 3) std::copy(colour.begin(), colour.end(), out);
}

// rgb [n_pixel][3] to the first n_pixel of each plane of out [3][plane]. Only 256 values per channel: a table is
// cheaper and gives every CPU the same floats.
void normalize(const image_hparams & params, const uint8_t * rgb, size_t n_pixel, float * out, size_t plane) {
    for (size_t c = 0; c < 3; c++) {
        float table[256];
        for (int v = 0; v < 256; v++)
            table[v] = (float) (((double) v / 255.0 - (double) params.mean[c]) / (double) params.std[c]);
        float * to = out + c * plane;
        for (size_t i = 0; i < n_pixel; i++) to[i] = table[rgb[i * 3 + c]];
    }
}

}  // namespace

image_view make_image_view(const uint8_t * data, size_t n_bytes, int64_t width, int64_t height, int64_t channels) {
    if (width < 1 || height < 1 || width > max_image_edge || height > max_image_edge) {
        throw_error(error_code::INPUT_RANGE, "image: width and height must be 1 to %d, found %lld x %lld",
                    max_image_edge, (long long) width, (long long) height);
    }
    if (channels != 1 && channels != 3 && channels != 4)
        throw_error(error_code::INPUT_RANGE, "image: channels must be 1, 3 or 4, found %lld", (long long) channels);
    const uint64_t expected = (uint64_t) width * (uint64_t) height * (uint64_t) channels;  // at most 2^50
    if ((uint64_t) n_bytes != expected) {
        throw_error(error_code::INPUT_SHAPE, "image: expected %lld x %lld x %lld = %llu bytes, found %zu",
                    (long long) width, (long long) height, (long long) channels, (unsigned long long) expected,
                    n_bytes);
    }
    return {data, (int) width, (int) height, (int) channels, (size_t) width * (size_t) channels};
}

resize_plan plan_resize(const image_hparams & params, int width, int height, int out_width, int out_height) {
    resize_plan plan;
    const bool square = out_width == out_height;
    const int target_width = square ? params.resize : out_width;
    const int target_height = square ? params.resize : out_height;
    if (params.mode == resize_mode::patches) {
        plan.resized_width = out_width;
        plan.resized_height = out_height;
    } else if (params.mode == resize_mode::squash) {
        plan.resized_width = target_width;
        plan.resized_height = target_height;
    } else if (params.mode == resize_mode::longest || !square) {
        keep_ratio(plan, width, height, target_width, target_height, params.mode == resize_mode::longest);
    } else {
        // transformers and torchvision: int(size * long / short)
        const int64_t longer = (int64_t) params.resize * std::max(width, height) / std::min(width, height);
        plan.resized_width = width <= height ? params.resize : longer;
        plan.resized_height = width <= height ? longer : params.resize;
    }
    // open_clip rounds the crop offset half to even and pads its smaller half first; transformers floors it and, if a
    // picture is smaller than the crop, pads the larger half first.
    const bool half_even = params.rounding == crop_rounding::half_even;
    const bool small_half_first = half_even || params.mode == resize_mode::longest;
    center(plan.resized_width, out_width, half_even, small_half_first, plan.window_x, plan.window_width, plan.pad_x);
    center(plan.resized_height, out_height, half_even, small_half_first, plan.window_y, plan.window_height, plan.pad_y);
    return plan;
}

void resize_image(const image_hparams & params, const image_view & image, int out_width, int out_height, uint8_t * out,
                  preprocess_scratch & scratch, picture_part part) {
    check_params(params);
    check_image(image);
    if (out_width < 1 || out_height < 1 || out_width > max_output_edge || out_height > max_output_edge) {
        throw_error(error_code::CONFIG_INVALID, "image: output edges must be 1 to %d, found %d x %d", max_output_edge,
                    out_width, out_height);
    }
    const resize_plan plan = plan_resize(params, image.width, image.height, out_width, out_height);
    const auto rows = kernels::share(out_height, part.ith, part.nth);
    if (plan.window_width < out_width || plan.window_height < out_height)
        fill_pixels(params.fill, out, (size_t) (rows.end - rows.begin) * (size_t) out_width);
    const size_t out_stride = (size_t) out_width * 3;
    // the part's share of the window
    const int first = std::max(rows.begin, plan.pad_y), last = std::min(rows.end, plan.pad_y + plan.window_height);
    if (first >= last) return;
    try {
        const image_view rgb = to_rgb(params, image, scratch.rgb);
        const kernels::resize_job job = {
            rgb.data,
            rgb.stride,
            rgb.width,
            rgb.height,
            plan.resized_width,
            plan.resized_height,
            plan.window_x,
            plan.window_y + (first - plan.pad_y),
            plan.window_width,
            last - first,
            filter_of(params.filter),
            out + (size_t) (first - rows.begin) * out_stride + (size_t) plan.pad_x * 3,
            out_stride,
        };
        kernels::resize_rgb8(job, scratch.resize, *scratch.passes);
        release_if_large(scratch.rgb);
        release_if_large(scratch.resize.middle);
    } catch (const std::bad_alloc &) {
        throw_error(error_code::OUT_OF_MEMORY, "image: no memory to resize %d x %d pixels", image.width, image.height);
    }
}

void resize_to(const image_view & image, int width, int height, interpolation filter, uint8_t * out,
               preprocess_scratch & scratch) {
    image_hparams params;
    params.mode = resize_mode::squash;
    params.filter = filter;
    params.resize = width;  // used only if width == height
    params.crop = width;
    resize_image(params, image, width, height, out, scratch);
}

// transformers' get_image_size_for_max_num_patches: the largest scale whose edges, rounded up to whole patches, stay
// within the limit, by bisection to 1e-5 (the same doubles give the same edges).
static image_size fit_patches(const image_hparams & params, int width, int height) {
    const double patch = params.patch, eps = 1e-5;
    const auto scaled = [&](double scale, int size) {
        return std::max(patch, std::ceil(size * scale / patch) * patch);
    };
    double low = eps / 10, high = 100.0;
    while (high - low >= eps) {
        const double scale = (low + high) / 2;
        const double n_patch = (scaled(scale, height) / patch) * (scaled(scale, width) / patch);
        (n_patch <= params.max_patches ? low : high) = scale;
    }
    // an extremely long picture exceeds the limit at any scale: one row or column of the maximum number of patches
    const double most = patch * params.max_patches;
    return {(int) std::min(scaled(low, width), most), (int) std::min(scaled(low, height), most)};
}

image_size tower_image_size(const image_hparams & params, int width, int height) {
    if (params.mode == resize_mode::patches) return fit_patches(params, width, height);
    return {params.crop, params.crop};
}

void preprocess(const image_hparams & params, const image_view & image, float * out, preprocess_scratch & scratch,
                picture_part part) {
    check_params(params);
    check_image(image);
    const image_size size = tower_image_size(params, image.width, image.height);
    const auto rows = kernels::share(size.height, part.ith, part.nth);
    const size_t n_pixel = (size_t) (rows.end - rows.begin) * (size_t) size.width;
    try {
        scratch.pixels.resize(n_pixel * 3);
    } catch (const std::bad_alloc &) {
        throw_error(error_code::OUT_OF_MEMORY, "image: no memory for %d x %d pixels", size.width, size.height);
    }
    resize_image(params, image, size.width, size.height, scratch.pixels.data(), scratch, part);
    normalize(params, scratch.pixels.data(), n_pixel, out + (size_t) rows.begin * (size_t) size.width,
              (size_t) size.width * (size_t) size.height);
}

}  // namespace ggclip
