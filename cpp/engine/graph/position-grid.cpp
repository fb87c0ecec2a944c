#include "engine/graph/position-grid.h"

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

// One axis of torch's F.interpolate(mode='bilinear', align_corners=False, antialias=True)
// (aten/src/ATen/native/cpu/UpSampleKernel.cpp): a triangle as wide as the reduction factor, at least 1.
std::vector<taps> triangle_taps(int n_in, int n_out) {
    const double scale = (double) n_in / n_out;
    const double reach = std::max(scale, 1.0);
    std::vector<taps> out((size_t) n_out);
    for (int i = 0; i < n_out; i++) {
        const double center = scale * (i + 0.5);
        const int first = std::max((int) (center - reach + 0.5), 0);
        const int end = std::min((int) (center + reach + 0.5), n_in);
        std::vector<double> weights;
        double sum = 0;
        for (int j = first; j < end; j++) {
            weights.push_back(std::max(0.0, 1.0 - std::fabs((j + 0.5 - center) / reach)));
            sum += weights.back();
        }
        out[(size_t) i].first = first;
        for (double weight : weights) out[(size_t) i].weights.push_back((float) (weight / sum));
    }
    return out;
}

void add_scaled(float * dst, const float * x, float scale, size_t n) {
    for (size_t i = 0; i < n; i++) dst[i] += scale * x[i];
}

}  // namespace

std::vector<float> position_grid::resize(int rows, int columns) const {
    const size_t n = (size_t) n_embd_;
    const std::vector<taps> across = triangle_taps(n_side_, columns), down = triangle_taps(n_side_, rows);
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
