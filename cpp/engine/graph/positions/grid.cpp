#include "engine/graph/positions/grid.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

namespace {

constexpr size_t max_kept = (size_t) 4 << 20;  // floats, 16 MiB a session

// The inputs whose weighted mean is an output.
struct taps {
    int first = 0;
    std::vector<float> weights;
};

double triangle(double x) { return std::max(0.0, 1.0 - std::fabs(x)); }

// Keys' cubic convolution kernel.
double cubic(double x, double a) {
    x = std::fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0.0;
}

// One axis of torch's F.interpolate(align_corners=False, antialias=True) (aten/src/ATen/native/cpu/UpSampleKernel.cpp):
// a filter as wide as the reduction factor, at least 1; the cubic one with a = -1/2.
taps antialiased_taps(int n_in, int n_out, int i, bool is_cubic) {
    const double scale = (double) n_in / n_out, wide = std::max(scale, 1.0), reach = wide * (is_cubic ? 2 : 1);
    const double center = scale * (i + 0.5);
    taps out;
    out.first = std::max((int) (center - reach + 0.5), 0);
    const int end = std::min((int) (center + reach + 0.5), n_in);
    std::vector<double> weights;
    double sum = 0;
    for (int j = out.first; j < end; j++) {
        const double at = (j + 0.5 - center) / wide;
        weights.push_back(is_cubic ? cubic(at, -0.5) : triangle(at));
        sum += weights.back();
    }
    for (double weight : weights) out.weights.push_back((float) (weight / sum));
    return out;
}

// The same with mode='bicubic', antialias=False: four values, a = -3/4, those beyond the edge repeat it.
taps cubic_taps(int n_in, int n_out, int i) {
    const double at = (double) n_in / n_out * (i + 0.5) - 0.5;
    const int middle = (int) std::floor(at);
    taps out;
    out.first = std::clamp(middle - 1, 0, n_in - 1);
    const int last = std::clamp(middle + 2, 0, n_in - 1);
    out.weights.assign((size_t) (last - out.first) + 1, 0.0f);
    for (int j = middle - 1; j <= middle + 2; j++)
        out.weights[(size_t) (std::clamp(j, 0, n_in - 1) - out.first)] += (float) cubic(at - j, -0.75);
    return out;
}

std::vector<taps> taps_of(grid_filter filter, int n_in, int n_out) {
    std::vector<taps> out;
    for (int i = 0; i < n_out; i++) {
        out.push_back(filter == grid_filter::bicubic
                          ? cubic_taps(n_in, n_out, i)
                          : antialiased_taps(n_in, n_out, i, filter == grid_filter::bicubic_antialias));
    }
    return out;
}

void add_scaled(float * dst, const float * x, float scale, size_t n) {
    for (size_t i = 0; i < n; i++) dst[i] += scale * x[i];
}

}  // namespace

std::vector<float> position_grid::resize(int rows, int columns) const {
    const size_t n = (size_t) n_embd_;
    const std::vector<taps> across = taps_of(filter_, n_side_, columns), down = taps_of(filter_, n_side_, rows);
    std::vector<float> narrow((size_t) n_side_ * (size_t) columns * n);  // [n_side][columns][n_embd]
    for (int y = 0; y < n_side_; y++) {
        for (int x = 0; x < columns; x++) {
            const taps & tap = across[(size_t) x];
            float * dst = narrow.data() + ((size_t) y * columns + x) * n;
            for (size_t j = 0; j < tap.weights.size(); j++)
                add_scaled(dst, table_.data() + ((size_t) y * n_side_ + tap.first + j) * n, tap.weights[j], n);
        }
    }
    const size_t row = (size_t) columns * n;
    std::vector<float> out((size_t) rows * row);
    for (int y = 0; y < rows; y++) {
        const taps & tap = down[(size_t) y];
        for (size_t j = 0; j < tap.weights.size(); j++) {
            add_scaled(out.data() + (size_t) y * row, narrow.data() + ((size_t) tap.first + j) * row, tap.weights[j],
                       row);
        }
    }
    return out;
}

const std::vector<float> & position_grid::resized(int rows, int columns) {
    const auto found = known_.find({rows, columns});
    if (found != known_.end()) return found->second;
    const size_t n = (size_t) rows * (size_t) columns * (size_t) n_embd_;
    if (n_kept_ + n > max_kept) {
        known_.clear();
        n_kept_ = 0;
    }
    n_kept_ += n;
    return known_[{rows, columns}] = resize(rows, columns);
}

}  // namespace ggclip
