// Picture resizing, byte-identical to Pillow's Image.resize for 8-bit RGB: separable, antialiased (the filter widens
// when shrinking), 22-bit fixed-point weights, 8-bit rounding between the passes. Computes only the requested window;
// its bytes do not depend on the window.
#pragma once

#include "kernels/kernels.h"

#include <vector>

namespace ggclip::kernels {

enum class resize_filter { nearest, bilinear, bicubic };  // bicubic: a = -0.5, as in Pillow

// Source samples and weights for each output sample of one axis.
struct resize_axis {
    int n_out = 0;                // samples of the window
    int n_tap = 0;                // weights per sample: largest count rounded up to a multiple of 4; rest 0
    std::vector<int32_t> start;   // [n_out] first source sample
    std::vector<int32_t> count;   // [n_out] source samples used
    std::vector<int32_t> weight;  // [n_out][n_tap], scaled by 2^22
    std::vector<int16_t> low;     // [n_out][n_tap], weight == high * 4096 + low; filled by passes that use it
    std::vector<int16_t> high;
};

// Reusable scratch memory; one per thread.
struct resize_scratch {
    resize_axis x;
    resize_axis y;
    std::vector<double> tap;
    std::vector<uint8_t> middle;  // result of the first pass
    std::vector<uint8_t> rows;    // copies of rows that a vector load would overrun
};

// The two passes over packed RGB8, in one instruction set.
struct resize_passes {
    const char * name;
    // dst[row][i] from src[row][...], for n_rows rows. src_width: readable pixels per row.
    void (*horizontal)(resize_axis & axis, const uint8_t * src, size_t src_stride, int src_width, uint8_t * dst,
                       size_t dst_stride, int n_rows, std::vector<uint8_t> & padded_rows);
    // dst[i][byte] from src[...][byte], for n_bytes bytes of each row.
    void (*vertical)(resize_axis & axis, const uint8_t * src, size_t src_stride, uint8_t * dst, size_t dst_stride,
                     size_t n_bytes);
};

// For a level supported by this CPU.
const resize_passes & resize_passes_for(cpu_level level);

struct resize_job {
    const uint8_t * src;  // RGB8
    size_t src_stride;    // bytes
    int src_width;
    int src_height;
    int64_t out_width;  // full result; 64-bit because only the window uses memory
    int64_t out_height;
    int64_t window_x;  // part of the result to compute
    int64_t window_y;
    int window_width;
    int window_height;
    resize_filter filter;
    uint8_t * dst;      // RGB8, window only
    size_t dst_stride;  // bytes
};

// The caller checks that sizes are positive and the window lies inside the result. Throws only std::bad_alloc.
void resize_rgb8(const resize_job & job, resize_scratch & scratch, const resize_passes & passes);

}  // namespace ggclip::kernels
