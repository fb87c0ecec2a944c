// ALiBi's slopes (Press et al. 2022, "Train Short, Test Long").
#pragma once

#include <cmath>
#include <vector>

namespace ggclip {

// [n_head]. n heads, a power of two: 2^(-max_bias h / n) for h = 1..n. Otherwise those of the largest power of two n
// below, and then every second one of 2n heads, beginning with the first: the authors' rule, which ggml_soft_max_ext
// computes too.
inline std::vector<float> alibi_slopes(float max_bias, int n_head) {
    int n = 1;
    while (2 * n <= n_head) n *= 2;
    std::vector<float> slopes;
    for (int h = 1; h <= n_head; h++) {
        const double turn = h <= n ? (double) h / n : (2 * (h - n) - 1) / (2.0 * n);
        slopes.push_back((float) std::exp2(-max_bias * turn));
    }
    return slopes;
}

}  // namespace ggclip
