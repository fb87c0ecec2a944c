// What a level must compute of a linear layer: in double precision, of operands rounded as that level rounds them.
#pragma once

#include <algorithm>
#include <cmath>

#include "linear-layer.h"

namespace test {

// Levels that multiply 16-bit weights as words (tile-i16.h).
inline bool uses_words(const kernel_table & k, const linear_case & c) {
    return multiplies_words(k) && (c.type == weight_type::f16 || c.type == weight_type::bf16);
}

// Tolerance of float sums on levels that shift their integer sums (dot-vnni.h), relative to the result's root mean
// square: 8 roundings of a group of blocks, each of up to 2 of the largest unit among them.
inline double shift_rounding(const kernel_table & k, const linear_case & c, const linear_data & d,
                             const std::vector<float> & result) {
    if (!is_quantized(c.type) || (k.level != cpu_level::avx512_vnni && k.level != cpu_level::avx_vnni)) return 0.0;
    const bool five = c.type == weight_type::q5_0 || c.type == weight_type::q5_1;
    const double unit = c.type == weight_type::q8_0 ? 1.0 : five ? 1.0 / 8 : 1.0 / 16;
    const int group = ggclip::kernels::scale_group(c.n_in);
    double worst = 0.0, square = 0.0;
    for (int t = 0; t < c.n_tokens; t++) {
        for (int o = 0; o < c.n_out; o++) {
            double sum = 0.0;
            for (int begin = 0; begin < c.n_in; begin += group) {
                double x = 0.0, w = 0.0;
                for (int i = begin; i < std::min(begin + group, c.n_in); i++) {
                    x = std::max(x, std::fabs((double) d.x[t * d.x_stride + i]));
                    w = std::max(w,
                                 from_f16(u16_at(d.w.rows.data() + o * d.w.row_bytes + i / 32 * block_bytes(c.type))));
                }
                sum += 16.0 * unit * w * x / 127.0;
            }
            worst = std::max(worst, sum);
        }
    }
    for (const float v : result) square += (double) v * v;
    return worst / std::sqrt(square / result.size());
}

// Values from `begin` to `end` as multiples of their largest magnitude / limit, and these as multiples of `steps`.
template <class In>
void round_to_steps(const In * x, int begin, int end, float limit, float steps, double * out) {
    float amax = 0.0f;
    for (int i = begin; i < end; i++) amax = std::max(amax, std::fabs((float) x[i]));
    for (int i = begin; i < end; i++) {
        const float quant = std::nearbyint((float) x[i] * (limit / amax));
        out[i] = amax > 0.0f ? std::nearbyint(quant / steps) * steps * (amax / limit) : 0.0;
    }
}

// Same, to 128 steps from minimum to maximum. Levels of 8 lanes see zeros beyond the end of a row.
template <class In>
void round_to_range(const In * x, int begin, int end, float steps, double * out) {
    float low = (end - begin) % 8 ? 0.0f : (float) x[begin], high = low;
    for (int i = begin; i < end; i++) {
        low = std::min(low, (float) x[i]);
        high = std::max(high, (float) x[i]);
    }
    const float span = high - low;
    for (int i = begin; i < end; i++)
        out[i] = span > 0.0f ? std::nearbyint(((float) x[i] - low) * (steps / span)) * (span / steps) + low : low;
}

// How a level rounds its operands: to multiples of (the largest magnitude of a group of inputs) / limit. limit 0: no
// rounding; a negative limit: to -limit steps of the group's range.
struct rounding {
    float token_limit = 0.0f;
    int token_step = 1;
    float weight_limit = 0.0f;
    int weight_step = 1;
    bool is_split = false;    // values are 128 high + low, and products of two low parts are left out (tile-layout.h)
    bool fits_lanes = false;  // 8-bit weights are rounded until no four of a lane sum to more than 258 of one sign
    int joined = 0;           // q8_0 weights are rounded to the largest scale of so many inputs
};

inline rounding rounding_of(const kernel_table & k, const linear_case & c) {
    const bool maddubs = k.level == cpu_level::avx2 || k.level == cpu_level::sse41;  // dot-maddubs.h
    const bool joins = k.level != cpu_level::scalar && !maddubs;
    if (k.level == cpu_level::amx && uses_words(k, c)) return {16319.0f, 128, 16319.0f, 128, true};
    if (k.level == cpu_level::amx && is_quantized(c.type) && c.type != weight_type::i8) {
        const int group = ggclip::kernels::scale_group(c.n_in);
        return {127.0f, group, 127.0f, group};
    }
    if (uses_words(k, c)) return {4095.0f, 64, 4095.0f, 64};
    if (c.type == weight_type::i8)
        return maddubs ? rounding{-127.0f, 64, 127.0f, c.n_in, false, true} : rounding{127.0f, c.n_in, 127.0f, c.n_in};
    if (is_quantized(c.type)) {
        const int group = ggclip::kernels::scale_group(c.n_in);
        rounding by = {127.0f, group};
        if (c.type == weight_type::q8_0 && joins) by.joined = group;
        if (c.type == weight_type::q8_0 && maddubs) {
            by.joined = by.token_step = std::min(group, 64);
            by.token_limit = -127.0f;
            by.fits_lanes = true;
        }
        return by;
    }
    return {};
}

// A matrix as a level sees it: rows of n, one every `stride`.
template <class In>
std::vector<double> rounded(const In * x, size_t stride, int rows, int n, float limit, int step, float steps = 1.0f) {
    std::vector<double> out((size_t) rows * n);
    for (int r = 0; r < rows; r++) {
        double * row = out.data() + (size_t) r * n;
        std::copy(x + r * stride, x + r * stride + n, row);
        for (int i = 0; limit != 0 && i < n; i += step) {
            const int end = std::min(i + step, n);
            if (limit < 0) round_to_range(x + r * stride, i, end, -limit, row);
            else round_to_steps(x + r * stride, i, end, limit, steps, row);
        }
    }
    return out;
}

// The largest same-sign sum of weights 0, 1, 4, 5 and of 2, 3, 6, 7 in any 8.
inline int largest_of_four(const std::vector<float> & quants) {
    float largest = 0.0f;
    for (size_t i = 0; i + 8 <= quants.size(); i += 8) {
        for (const size_t first : {i, i + 2}) {
            float above = 0.0f, below = 0.0f;
            for (const size_t k : {first, first + 1, first + 4, first + 5}) {
                above += std::max(quants[k], 0.0f);
                below -= std::min(quants[k], 0.0f);
            }
            largest = std::max({largest, above, below});
        }
    }
    return (int) largest;
}

// Rounds i8 rows to a smaller limit until they fit dot-maddubs.h's lanes.
inline std::vector<double> fitting_rows(const linear_case & c, const linear_data & d) {
    std::vector<double> out;
    for (int o = 0; o < c.n_out; o++) {
        const double * const w = d.w.values.data() + (size_t) o * c.n_in;
        std::vector<float> quants((size_t) (c.n_in + 7) / 8 * 8);
        float amax = 0.0f, limit = 127.0f;
        for (int i = 0; i < c.n_in; i++) amax = std::max(amax, std::fabs((float) w[i]));
        const auto round = [&] {
            for (int i = 0; i < c.n_in; i++) quants[i] = std::nearbyint((float) w[i] * (limit / amax));
            return largest_of_four(quants);
        };
        for (int largest = round(); largest > 258; largest = round()) limit *= 258.0f / (float) (largest + 1);
        for (int i = 0; i < c.n_in; i++) out.push_back(amax / limit * quants[i]);
    }
    return out;
}

// Rounds q8_0 weights to the largest scale of their group, or, if they must fit lanes, to one that is an eighth larger
// as often as they need.
inline std::vector<double> joined_weights(const linear_case & c, const linear_data & d, int group, bool fits_lanes) {
    std::vector<double> out;
    for (int o = 0; o < c.n_out; o++) {
        const uint8_t * const row = d.w.rows.data() + o * d.w.row_bytes;
        for (int begin = 0; begin < c.n_in; begin += group) {
            const int end = std::min(begin + group, c.n_in);
            uint16_t scale = 0;
            for (int i = begin; i < end; i += 32) scale = std::max(scale, u16_at(row + i / 32 * 34));
            std::vector<float> quants(end - begin);
            const auto round = [&] {
                for (int i = begin; i < end; i++) {
                    const float ratio = (float) from_f16(u16_at(row + i / 32 * 34)) / (float) from_f16(scale);
                    quants[i - begin] = std::nearbyint((float) (int8_t) row[i / 32 * 34 + 2 + i % 32] * ratio);
                }
            };
            for (round(); fits_lanes && largest_of_four(quants) > 258; round()) {
                const int exponent = scale >> 10 & 31, significand = (scale & 1023) + (exponent ? 1024 : 0);
                scale = (uint16_t) (scale + std::max(1, significand / 8));
            }
            for (const float quant : quants) out.push_back(from_f16(scale) * quant);
        }
    }
    return out;
}

inline std::vector<double> reference_linear(const linear_case & c, const linear_data & d, const rounding & by) {
    const std::vector<double> x = rounded(d.x.data(), d.x_stride, c.n_tokens, c.n_in, by.token_limit, by.token_step);
    const std::vector<double> w =
        by.joined       ? joined_weights(c, d, by.joined, by.fits_lanes)
        : by.fits_lanes ? fitting_rows(c, d)
                        : rounded(d.w.values.data(), c.n_in, c.n_out, c.n_in, by.weight_limit, by.weight_step);
    std::vector<double> x_high = x, w_high = w;
    if (by.is_split) {
        x_high = rounded(d.x.data(), d.x_stride, c.n_tokens, c.n_in, by.token_limit, by.token_step, 128.0f);
        w_high = rounded(d.w.values.data(), c.n_in, c.n_out, c.n_in, by.weight_limit, by.weight_step, 128.0f);
    }
    std::vector<double> out;
    for (int t = 0; t < c.n_tokens; t++) {
        for (int o = 0; o < c.n_out; o++) {
            double sum = c.bias ? d.bias[o] : 0.0;
            for (int i = 0; i < c.n_in; i++) {
                const size_t at_x = (size_t) t * c.n_in + i, at_w = (size_t) o * c.n_in + i;
                sum += x[at_x] * w[at_w] - (x[at_x] - x_high[at_x]) * (w[at_w] - w_high[at_w]);
            }
            out.push_back(apply(c.op, sum) + (c.residual ? d.residual[t * d.residual_stride + o] : 0.0));
        }
    }
    return out;
}

}  // namespace test
