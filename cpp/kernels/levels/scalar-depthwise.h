// The scalar level's depthwise convolutions and gates. Included by kernels-scalar.cpp, after its activations.
#pragma once

#include "kernels/levels/level.h"

GGCLIP_LEVEL_BEGIN

static size_t depthwise_scratch_size(const depthwise_args &, int) { return 0; }

// One output value: channel c, plane p of the pixel at (ox, oy) of an image.
static float depthwise_sum(const depthwise_args & a, const float * image, int oy, int ox, int p, int c) {
    const size_t n_kernel = (size_t) a.n_plane * a.n_channel, kernel = (size_t) p * a.n_channel + c;
    float sum = a.bias[kernel];
    for (int ky = 0; ky < a.kernel_y; ky++) {
        for (int kx = 0; kx < a.kernel_x; kx++) {
            const int y = oy * a.stride - a.pad_y + ky, x = ox * a.stride - a.pad_x + kx;
            if (y < 0 || y >= a.height || x < 0 || x >= a.width) continue;
            sum += image[((size_t) y * a.width + x) * a.n_channel + c] *
                   a.w[(size_t) (ky * a.kernel_x + kx) * n_kernel + kernel];
        }
    }
    return sum;
}

static void depthwise(const depthwise_args & a, int ith, int nth) {
    const auto mine = share((int64_t) a.n_image * a.out_height * a.out_width, ith, nth);
    for (int64_t pixel = mine.begin; pixel < mine.end; pixel++) {
        const int ox = (int) (pixel % a.out_width), oy = (int) (pixel / a.out_width % a.out_height);
        const float * image = a.x + (size_t) (pixel / a.out_width / a.out_height) * a.height * a.width * a.n_channel;
        float * dst = a.dst + (size_t) pixel * a.n_channel * a.n_plane;
        for (int c = 0; c < a.n_channel; c++)
            for (int p = 0; p < a.n_plane; p++) *dst++ = apply(a.op, depthwise_sum(a, image, oy, ox, p, c));
    }
}

static void gate(const gate_args & a, int ith, int nth) {
    const auto mine = share(a.n_rows, ith, nth);
    for (int r = mine.begin; r < mine.end; r++) {
        for (int i = 0; i < a.n; i++) {
            const size_t at = (size_t) r * a.n + i;
            double y = a.x[at];
            if (a.gate) y /= 1.0 + exp(-(double) a.gate[(size_t) (r / a.n_rows_of_gate) * a.n + i]);
            a.dst[at] = apply(a.op, (float) y);
        }
    }
}

GGCLIP_LEVEL_END
