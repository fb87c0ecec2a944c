// Depthwise convolution of images in f32, and the gates of squeeze-and-excitation. A task is (image, band of output
// rows, panel of channels): the panel's part of the band's input is copied into scratch memory that fits the L2 cache,
// with zeros around the image, so that the inner loop knows no edges and reads consecutive memory. A tile of pixels and
// a panel of channels are summed in registers, over all positions of the kernel.
#pragma once

#include <string.h>

#include "kernels/vector-math.h"

GGCLIP_LEVEL_BEGIN

constexpr int band_floats = 32 * 1024;  // of input in scratch memory, about

// How an image is cut, and the scratch memory of a task.
struct depthwise_plan {
    int n_panel, n_band;
    int band;             // output rows of a band
    int width;            // pixels of an input row in scratch memory; the last tile reads beyond the image's edge
    size_t input_floats;  // before the panel's kernels
    size_t all_floats;
};

static depthwise_plan plan_of(const depthwise_args & a) {
    depthwise_plan p;
    p.n_panel = ceil_div(a.n_channel, panel_rows);
    const int last = (ceil_div(a.out_width, token_tile) * token_tile - 1) * a.stride + a.kernel_x;
    p.width = max_int(last, a.width + a.pad_x);
    const int rows = max_int(band_floats / (p.width * panel_rows), a.kernel_y);
    p.band = min_int((rows - a.kernel_y) / a.stride + 1, a.out_height);
    p.n_band = ceil_div(a.out_height, p.band);
    p.input_floats = (size_t) ((p.band - 1) * a.stride + a.kernel_y) * p.width * panel_rows;
    p.all_floats = p.input_floats + (size_t) (a.kernel_y * a.kernel_x + 1) * panel_rows;
    return p;
}

static size_t depthwise_scratch_size(const depthwise_args & a, int nth) {
    return plan_of(a).all_floats * sizeof(float) * nth;
}

// n floats, then zeros up to a panel.
GGCLIP_INLINE void copy_panel(const float * x, int n, float * dst) {
    GGCLIP_UNROLL
    for (int i = 0; i < panel_rows; i += lanes) {
        const int left = n - i;
        store_f(dst + i, left >= lanes ? load_f(x + i) : load_first(x + i, max_int(left, 0)));
    }
}

// The input rows of the output rows oy .. oy + n - 1.
static void copy_band(const depthwise_args & a, const depthwise_plan & p, const float * image, int channel, int oy,
                      int n, float * dst) {
    const int n_row = (n - 1) * a.stride + a.kernel_y, n_here = min_int(panel_rows, a.n_channel - channel);
    const size_t row_floats = (size_t) p.width * panel_rows;
    for (int r = 0; r < n_row; r++, dst += row_floats) {
        const int y = oy * a.stride - a.pad_y + r;
        if (y < 0 || y >= a.height) {
            memset(dst, 0, row_floats * sizeof(float));
            continue;
        }
        const float * x = image + (size_t) y * a.width * a.n_channel + channel;
        float * const first = dst + (size_t) a.pad_x * panel_rows;
        memset(dst, 0, (size_t) a.pad_x * panel_rows * sizeof(float));
        for (int i = 0; i < a.width; i++) copy_panel(x + (size_t) i * a.n_channel, n_here, first + i * panel_rows);
        const int end = a.pad_x + a.width;
        memset(dst + (size_t) end * panel_rows, 0, (size_t) (p.width - end) * panel_rows * sizeof(float));
    }
}

// Output pixels of one tile. `kernels`: the panel's, position by position, then the biases. A stride of 0 is read from
// the arguments.
template <int fixed_stride>
GGCLIP_INLINE void sum_tile(const depthwise_args & a, const float * x, size_t row_floats, const float * kernels,
                            vf (&sum)[token_tile][2]) {
    const int step = (fixed_stride > 0 ? fixed_stride : a.stride) * panel_rows;
    const float * const bias = kernels + (size_t) a.kernel_y * a.kernel_x * panel_rows;
    GGCLIP_UNROLL
    for (int t = 0; t < token_tile; t++) {
        sum[t][0] = load_f(bias);
        sum[t][1] = load_f(bias + lanes);
    }
    for (int ky = 0; ky < a.kernel_y; ky++, x += row_floats) {
        for (int kx = 0; kx < a.kernel_x; kx++, kernels += panel_rows) {
            const vf w0 = load_f(kernels), w1 = load_f(kernels + lanes);
            const float * at = x + kx * panel_rows;
            GGCLIP_UNROLL
            for (int t = 0; t < token_tile; t++) {
                sum[t][0] = fma(load_f(at + t * step), w0, sum[t][0]);
                sum[t][1] = fma(load_f(at + t * step + lanes), w1, sum[t][1]);
            }
        }
    }
}

// One pixel's channels of one plane; planes of a channel are neighbours in the output.
GGCLIP_INLINE void store_pixel(const depthwise_args & a, const vf (&sum)[2], int n, int plane, float * dst) {
    const vf y[2] = {apply_v(a.op, sum[0]), apply_v(a.op, sum[1])};
    if (a.n_plane == 1) {
        for (int i = 0; i < 2; i++) {
            const int left = n - i * lanes;
            if (left >= lanes) store_f(dst + i * lanes, y[i]);
            else if (left > 0) store_first(dst + i * lanes, y[i], left);
        }
        return;
    }
    float values[panel_rows];
    store_f(values, y[0]);
    store_f(values + lanes, y[1]);
    for (int i = 0; i < n; i++) dst[(size_t) i * a.n_plane + plane] = values[i];
}

template <int fixed_stride>
static void convolve_band(const depthwise_args & a, const depthwise_plan & p, const float * input,
                          const float * kernels, int n_here, int plane, int n_row, float * dst) {
    const size_t row_floats = (size_t) p.width * panel_rows, n_out = (size_t) a.n_channel * a.n_plane;
    for (int r = 0; r < n_row; r++) {
        const float * x = input + (size_t) r * a.stride * row_floats;
        for (int ox = 0; ox < a.out_width; ox += token_tile) {
            vf sum[token_tile][2];
            sum_tile<fixed_stride>(a, x + (size_t) ox * a.stride * panel_rows, row_floats, kernels, sum);
            const int n = min_int(token_tile, a.out_width - ox);
            float * const to = dst + ((size_t) r * a.out_width + ox) * n_out;
            for (int t = 0; t < n; t++) store_pixel(a, sum[t], n_here, plane, to + t * n_out);
        }
    }
}

static void depthwise(const depthwise_args & a, int ith, int nth) {
    const depthwise_plan p = plan_of(a);
    float * const input = static_cast<float *>(a.scratch) + (size_t) ith * p.all_floats;
    float * const kernels = input + p.input_floats;
    const int n_position = a.kernel_y * a.kernel_x;
    const auto mine = share((int64_t) a.n_image * p.n_band * p.n_panel, ith, nth);
    for (int64_t task = mine.begin; task < mine.end; task++) {
        const int channel = (int) (task % p.n_panel) * panel_rows, n_here = min_int(panel_rows, a.n_channel - channel);
        const int64_t image = task / p.n_panel / p.n_band;
        const int oy = (int) (task / p.n_panel % p.n_band) * p.band, n_row = min_int(p.band, a.out_height - oy);
        copy_band(a, p, a.x + (size_t) image * a.height * a.width * a.n_channel, channel, oy, n_row, input);
        float * const dst = a.dst + ((size_t) image * a.out_height + oy) * a.out_width * a.n_channel * a.n_plane +
                            (size_t) channel * a.n_plane;
        for (int plane = 0; plane < a.n_plane; plane++) {
            const size_t first = (size_t) plane * a.n_channel + channel;
            for (int i = 0; i < n_position; i++) {
                copy_panel(a.w + (size_t) i * a.n_plane * a.n_channel + first, n_here,
                           kernels + (size_t) i * panel_rows);
            }
            copy_panel(a.bias + first, n_here, kernels + (size_t) n_position * panel_rows);
            if (a.stride == 1) convolve_band<1>(a, p, input, kernels, n_here, plane, n_row, dst);
            else if (a.stride == 2) convolve_band<2>(a, p, input, kernels, n_here, plane, n_row, dst);
            else convolve_band<0>(a, p, input, kernels, n_here, plane, n_row, dst);
        }
    }
}

static void gate(const gate_args & a, int ith, int nth) {
    const auto mine = share(a.n_rows, ith, nth);
    for (int r = mine.begin; r < mine.end; r++) {
        const float * x = a.x + (size_t) r * a.n;
        const float * gates = a.gate ? a.gate + (size_t) (r / a.n_rows_of_gate) * a.n : nullptr;
        float * const dst = a.dst + (size_t) r * a.n;
        for (int i = 0; i < a.n; i += lanes) {
            const int n = min_int(lanes, a.n - i);
            vf y = n == lanes ? load_f(x + i) : load_first(x + i, n);
            if (gates) {
                const vf g = n == lanes ? load_f(gates + i) : load_first(gates + i, n);
                y = times_sigmoid2(y, mul(g, set_f(1.44269504f)));  // log2(e)
            }
            y = apply_v(a.op, y);
            if (n == lanes) store_f(dst + i, y);
            else store_first(dst + i, y, n);
        }
    }
}

GGCLIP_LEVEL_END
