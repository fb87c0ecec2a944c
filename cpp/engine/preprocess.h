// From decoded pixels to the image tower's input: alpha, resize, crop or padding, normalisation. Matches transformers
// and open_clip (with Pillow) pixel by pixel; image_hparams selects the variant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/hparams.h"
#include "kernels/resize/resize.h"

namespace ggclip {

// Longest accepted edge in pixels. libvips, our decoder, stops at 10 million.
constexpr int max_image_edge = 1 << 24;

// 8-bit sRGB pixels, interleaved channels: 1 gray, 3 RGB, 4 RGB plus straight (not premultiplied) alpha.
struct image_view {
    const uint8_t * data = nullptr;
    int width = 0;
    int height = 0;
    int channels = 3;
    size_t stride = 0;  // bytes between rows; 0: width * channels
};

// A view of contiguous rows. Throws INPUT_SHAPE unless n_bytes is exactly width * height * channels.
image_view make_image_view(const uint8_t * data, size_t n_bytes, int64_t width, int64_t height, int64_t channels);

// Geometry: the picture is resized to resized_* (never produced as a whole); its window lands at pad_* in the output,
// and the rest of the output is the fill colour.
struct resize_plan {
    int64_t resized_width = 0;
    int64_t resized_height = 0;
    int64_t window_x = 0;
    int64_t window_y = 0;
    int window_width = 0;
    int window_height = 0;
    int pad_x = 0;
    int pad_y = 0;
};

// Reusable scratch memory; one per thread.
struct preprocess_scratch {
    // CPU level for resizing
    explicit preprocess_scratch(kernels::cpu_level level = kernels::best_level())
        : passes(&kernels::resize_passes_for(level)) {}

    const kernels::resize_passes * passes;
    kernels::resize_scratch resize;
    std::vector<uint8_t> rgb;     // the input without alpha, or gray expanded to RGB
    std::vector<uint8_t> pixels;  // resized and cropped
};

// Part ith of nth of a picture that several threads prepare together: output rows, split about equally.
struct picture_part {
    int ith = 0, nth = 1;
};

// Output of out_width x out_height. If these differ (open_clip allows it) they also replace params.resize.
resize_plan plan_resize(const image_hparams & params, int width, int height, int out_width, int out_height);

// out: RGB8 [out_height][out_width][3], before rescaling and normalisation; a part fills only its rows.
void resize_image(const image_hparams & params, const image_view & image, int out_width, int out_height, uint8_t * out,
                  preprocess_scratch & scratch, picture_part part = {});

// Resizes the whole picture to exactly width x height: RGB8 [height][width][3]. For tests and tools.
void resize_to(const image_view & image, int width, int height, interpolation filter, uint8_t * out,
               preprocess_scratch & scratch);

// Tower input size for a picture of this size: params.crop square, or whole patches in the picture's proportions.
struct image_size {
    int width = 0, height = 0;
};
image_size tower_image_size(const image_hparams & params, int width, int height);

// out: [3][height][width] of tower_image_size, (pixel / 255 - mean) / std; a part fills only its rows.
void preprocess(const image_hparams & params, const image_view & image, float * out, preprocess_scratch & scratch,
                picture_part part = {});

}  // namespace ggclip
