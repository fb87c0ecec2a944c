// What a text's attention scores gain or lose by the distance of two tokens: ALiBi's slopes, or a bias for each of T5's
// buckets.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace ggclip {

// ALiBi's slopes (Press et al. 2022, "Train Short, Test Long"), [n_head]. n heads, a power of two: 2^(-max_bias h / n)
// for h = 1..n. Otherwise those of the largest power of two n below, and then every second one of 2n heads, beginning
// with the first: the authors' rule, which ggml_soft_max_ext computes too.
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

// Relative positions by buckets (Raffel et al. 2020, T5): small distances have a bucket each, larger ones share buckets
// that grow with their logarithm. The bucket of a key `distance` tokens after its query (before it: negative), among
// n_bucket: the first half is for keys at or before the query. transformers'
// MT5Attention._relative_position_bucket, bidirectional; it computes in float, and the small addend keeps exact powers
// in their bucket in double, too.
inline int32_t position_bucket(int32_t distance, int32_t n_bucket, int32_t max_distance) {
    const int32_t half = n_bucket / 2, n_exact = half / 2, away = std::abs(distance);
    int32_t bucket = away;
    if (away >= n_exact) {
        const double turn = std::log((double) away / n_exact) / std::log((double) max_distance / n_exact);
        bucket = std::min(half - 1, n_exact + (int32_t) (turn * (half - n_exact) + 1e-6));
    }
    return bucket + (distance > 0 ? half : 0);
}

}  // namespace ggclip
