// Weights, pass order, and the nearest filter. Matches Pillow (oracle: pil_resample_ref.py) down to the order of
// floating-point operations.
#include "kernels/resize/resize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/resize/resize-passes.h"

namespace ggclip::kernels {

namespace {

double bicubic(double x) {
    constexpr double a = -0.5;  // as in Pillow; 8-bit OpenCV and torch use -0.75
    x = std::fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

double triangle(double x) {
    x = std::fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

int32_t to_fixed(double weight) {
    return (int32_t) ((weight < 0.0 ? -0.5 : 0.5) + weight * (double) (1 << resize_bits));
}

// Weights of output samples window_start .. window_start + n_out - 1 of an axis resized from n_in to n_full.
void build_axis(resize_axis & axis, std::vector<double> & tap, resize_filter filter, int n_in, int64_t n_full,
                int64_t window_start, int n_out) {
    const double scale = (double) n_in / (double) n_full;
    const double widen = std::max(scale, 1.0);
    const double inverse_widen = 1.0 / widen;
    const double support = (filter == resize_filter::bicubic ? 2.0 : 1.0) * widen;

    axis.n_out = n_out;
    axis.start.resize((size_t) n_out);
    axis.count.resize((size_t) n_out);
    int longest = 0;
    for (int i = 0; i < n_out; i++) {
        const double center = ((double) (window_start + i) + 0.5) * scale;
        const int first = std::max((int) (center - support + 0.5), 0);
        const int last = (int) std::min(center + support + 0.5, (double) n_in);
        axis.start[(size_t) i] = first;
        axis.count[(size_t) i] = last - first;
        longest = std::max(longest, last - first);
    }
    axis.n_tap = (longest + 3) & ~3;
    axis.weight.assign((size_t) n_out * (size_t) axis.n_tap, 0);
    tap.resize((size_t) longest);

    for (int i = 0; i < n_out; i++) {
        const double center = ((double) (window_start + i) + 0.5) * scale;
        const int first = axis.start[(size_t) i];
        const int count = axis.count[(size_t) i];
        double sum = 0.0;
        for (int t = 0; t < count; t++) {
            const double x = ((double) (t + first) - center + 0.5) * inverse_widen;
            tap[(size_t) t] = filter == resize_filter::bicubic ? bicubic(x) : triangle(x);
            sum += tap[(size_t) t];
        }
        const double norm = sum != 0.0 ? 1.0 / sum : 1.0;
        int32_t * weight = axis.weight.data() + (size_t) i * (size_t) axis.n_tap;
        for (int t = 0; t < count; t++) weight[t] = to_fixed(tap[(size_t) t] * norm);
    }
}

struct span {
    int first;
    int count;
};

// Source samples needed for the window.
span source_span(const resize_axis & axis) {
    int first = axis.start[0];
    int last = 0;
    for (int i = 0; i < axis.n_out; i++) {
        first = std::min(first, axis.start[(size_t) i]);
        last = std::max(last, axis.start[(size_t) i] + axis.count[(size_t) i]);
    }
    return {first, last - first};
}

void shift_starts(resize_axis & axis, int by) {
    for (int32_t & start : axis.start) start -= by;
}

// Pillow 13 resizes vertically first if that removes much more of the picture; older releases never did.
bool vertical_first(const resize_job & job) {
    const int64_t fewer_rows = job.src_height - job.out_height;
    const int64_t fewer_columns = job.src_width - job.out_width;
    return fewer_rows > 0 && fewer_rows > 2 * fewer_columns;
}

// Pillow's affine path steps by repeated addition; reproduce its accumulated rounding error.
void nearest_positions(std::vector<int32_t> & position, int n_in, int64_t n_full, int64_t window_start, int n_out) {
    const double step = (double) n_in / (double) n_full;
    double at = step * 0.5;
    if (window_start < (1 << 24))
        for (int64_t i = 0; i < window_start; i++) at += step;
    else at += step * (double) window_start;  // sizes beyond Pillow's range: no reference to match
    position.resize((size_t) n_out);
    for (int i = 0; i < n_out; i++, at += step) position[(size_t) i] = std::min((int) at, n_in - 1);
}

void resize_nearest(const resize_job & job, resize_scratch & scratch) {
    nearest_positions(scratch.x.start, job.src_width, job.out_width, job.window_x, job.window_width);
    nearest_positions(scratch.y.start, job.src_height, job.out_height, job.window_y, job.window_height);
    for (int y = 0; y < job.window_height; y++) {
        const uint8_t * src = job.src + (size_t) scratch.y.start[(size_t) y] * job.src_stride;
        uint8_t * dst = job.dst + (size_t) y * job.dst_stride;
        for (int x = 0; x < job.window_width; x++)
            std::memcpy(dst + (size_t) x * 3, src + (size_t) scratch.x.start[(size_t) x] * 3, 3);
    }
}

void copy_rows(const uint8_t * src, size_t src_stride, uint8_t * dst, size_t dst_stride, size_t n_bytes, int n_rows) {
    for (int y = 0; y < n_rows; y++) std::memcpy(dst + (size_t) y * dst_stride, src + (size_t) y * src_stride, n_bytes);
}

}  // namespace

void resize_rgb8(const resize_job & job, resize_scratch & scratch, const resize_passes & passes) {
    if (job.window_width <= 0 || job.window_height <= 0) return;
    if (job.filter == resize_filter::nearest) return resize_nearest(job, scratch);

    // An axis that keeps its size is skipped (filtering it would be the identity anyway).
    const bool horizontal = job.out_width != job.src_width;
    const bool vertical = job.out_height != job.src_height;
    resize_axis & x = scratch.x;
    resize_axis & y = scratch.y;
    if (horizontal)
        build_axis(x, scratch.tap, job.filter, job.src_width, job.out_width, job.window_x, job.window_width);
    if (vertical)
        build_axis(y, scratch.tap, job.filter, job.src_height, job.out_height, job.window_y, job.window_height);
    // The part of the source that affects the window.
    const span columns = horizontal ? source_span(x) : span{(int) job.window_x, job.window_width};
    const span rows = vertical ? source_span(y) : span{(int) job.window_y, job.window_height};
    if (horizontal) shift_starts(x, columns.first);
    if (vertical) shift_starts(y, rows.first);
    const uint8_t * src = job.src + (size_t) rows.first * job.src_stride + (size_t) columns.first * 3;
    const size_t window_bytes = (size_t) job.window_width * 3;

    if (!horizontal && !vertical) {
        copy_rows(src, job.src_stride, job.dst, job.dst_stride, window_bytes, job.window_height);
    } else if (!vertical) {
        passes.horizontal(x, src, job.src_stride, columns.count, job.dst, job.dst_stride, rows.count, scratch.rows);
    } else if (!horizontal) {
        passes.vertical(y, src, job.src_stride, job.dst, job.dst_stride, window_bytes);
    } else if (vertical_first(job)) {
        const size_t stride = (size_t) columns.count * 3;
        scratch.middle.resize(stride * (size_t) job.window_height);
        uint8_t * middle = scratch.middle.data();
        passes.vertical(y, src, job.src_stride, middle, stride, stride);
        passes.horizontal(x, middle, stride, columns.count, job.dst, job.dst_stride, job.window_height, scratch.rows);
    } else {
        scratch.middle.resize(window_bytes * (size_t) rows.count);
        uint8_t * middle = scratch.middle.data();
        passes.horizontal(x, src, job.src_stride, columns.count, middle, window_bytes, rows.count, scratch.rows);
        passes.vertical(y, middle, window_bytes, job.dst, job.dst_stride, window_bytes);
    }
}

const resize_passes & resize_passes_for(cpu_level level) {
    const resize_passes * const passes = has_avx2(level)   ? avx2_resize_passes()
                                         : has_neon(level) ? neon_resize_passes()
                                                           : nullptr;
    return passes ? *passes : generic_resize_passes();
}

}  // namespace ggclip::kernels
