// Relative positions by buckets (Raffel et al. 2020, T5): small distances have a bucket each, larger ones share buckets
// that grow with their logarithm.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ggclip {

// Of a key `distance` tokens after its query (before it: negative), among n_bucket: the first half is for keys at or
// before the query. transformers' MT5Attention._relative_position_bucket, bidirectional; it computes in float, and the
// small addend keeps exact powers in their bucket in double, too.
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
