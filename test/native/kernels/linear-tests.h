// Linear layers: values, and independence of threads and batches.
#pragma once

#include <algorithm>
#include <cstring>

#include "weights.h"

namespace test {

struct linear_case {
    weight_type type;
    int n_tokens, n_in, n_out;
    unary op = unary::none;
    bool bias = false, residual = false;
    std::string text() const {
        return std::string(type_name(type)) + " " + std::to_string(n_tokens) + "x" + std::to_string(n_in) + "x" +
               std::to_string(n_out) + " op" + std::to_string((int) op) + (bias ? " bias" : "") +
               (residual ? " residual" : "");
    }
};

struct linear_data {
    matrix w;
    std::vector<float> x, bias, residual;
    size_t x_stride, residual_stride;
};

inline linear_data data_for(const linear_case & c) {
    linear_data d = {
        random_matrix(c.type, c.n_out, c.n_in, 1 + c.n_out), {}, {}, {}, (size_t) c.n_in + 3, (size_t) c.n_out + 5};
    d.x = random_floats(d.x_stride * c.n_tokens, 7 + c.n_tokens);
    for (size_t i = 11; i < d.x.size(); i += 131) d.x[i] *= 30.0f;  // outliers, as in CLIP's activations
    if (c.n_tokens > 2)
        std::fill(d.x.begin() + d.x_stride, d.x.begin() + d.x_stride + std::min(c.n_in, 64), 0.0f);  // zero blocks
    d.bias = random_floats(c.n_out, 3);
    d.residual = random_floats(d.residual_stride * c.n_tokens, 4);
    return d;
}

inline std::vector<float> run_linear(const kernel_table & k, const linear_case & c, const linear_data & d, int nth,
                                     int first_token = 0, int n_tokens = -1) {
    const int n = n_tokens < 0 ? c.n_tokens : n_tokens;
    buffer w(k.packed_size(c.type, c.n_out, c.n_in)), act(k.activations_size(c.type, n, c.n_in));
    k.pack(c.type, c.n_out, c.n_in, d.w.rows.data(), d.w.row_bytes, w.data());
    run_shares(nth, [&](int i) {
        k.pack_activations(c.type, d.x.data() + first_token * d.x_stride, d.x_stride, n, c.n_in, act.data(), i, nth);
    });
    const size_t stride = c.n_out + 2;
    std::vector<float> dst(stride * n + 16, 12345.0f);
    const linear_args args = {{c.type, c.n_out, c.n_in, w.data()},
                              act.data(),
                              n,
                              c.bias ? d.bias.data() : nullptr,
                              c.op,
                              c.residual ? d.residual.data() + first_token * d.residual_stride : nullptr,
                              d.residual_stride,
                              dst.data(),
                              stride};
    run_shares(nth, [&](int i) { k.linear(args, i, nth); });
    std::vector<float> out;
    for (int t = 0; t < n; t++) {
        out.insert(out.end(), dst.begin() + t * stride, dst.begin() + t * stride + c.n_out);
        expect(dst[t * stride + c.n_out] == 12345.0f, std::string(k.name) + " linear wrote beyond a row " + c.text());
    }
    return out;
}

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

// Values from `begin` to `end` as multiples of their largest magnitude / limit.
template <class In>
void round_to_steps(const In * x, int begin, int end, float limit, double * out) {
    float amax = 0.0f;
    for (int i = begin; i < end; i++) amax = std::max(amax, std::fabs((float) x[i]));
    for (int i = begin; i < end; i++)
        out[i] = amax > 0.0f ? std::nearbyint((float) x[i] * (limit / amax)) * (amax / limit) : 0.0;
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
    bool fits_lanes = false;  // 8-bit weights are rounded until no four of a lane sum to more than 258 of one sign
};

inline rounding rounding_of(const kernel_table & k, const linear_case & c) {
    const bool maddubs = k.level == cpu_level::avx2 || k.level == cpu_level::sse41;  // dot-maddubs.h
    if (uses_words(k, c)) return {4095.0f, 64, 4095.0f, 64};
    if (c.type == weight_type::i8)
        return maddubs ? rounding{-127.0f, 64, 127.0f, c.n_in, true} : rounding{127.0f, c.n_in, 127.0f, c.n_in};
    if (c.type == weight_type::q8_0 && maddubs) return {-127.0f, 32, 0.0f, 1, true};
    if (is_quantized(c.type)) return {127.0f, ggclip::kernels::scale_group(c.n_in)};
    return {};
}

// A matrix as a level sees it: rows of n, one every `stride`.
template <class In>
std::vector<double> rounded(const In * x, size_t stride, int rows, int n, float limit, int step) {
    std::vector<double> out((size_t) rows * n);
    for (int r = 0; r < rows; r++) {
        double * row = out.data() + (size_t) r * n;
        std::copy(x + r * stride, x + r * stride + n, row);
        for (int i = 0; limit != 0 && i < n; i += step) {
            const int end = std::min(i + step, n);
            if (limit < 0) round_to_range(x + r * stride, i, end, -limit, row);
            else round_to_steps(x + r * stride, i, end, limit, row);
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

// Makes weights fit dot-maddubs.h's lanes: q8_0 blocks get a larger scale, i8 rows a smaller limit.
inline std::vector<double> fitting_weights(const linear_case & c, const linear_data & d) {
    std::vector<double> out;
    const int step = c.type == weight_type::q8_0 ? 32 : c.n_in;
    for (int o = 0; o < c.n_out; o++) {
        for (int i0 = 0; i0 < c.n_in; i0 += step) {
            const double * const w = d.w.values.data() + (size_t) o * c.n_in + i0;
            std::vector<float> quants((size_t) (step + 7) / 8 * 8);
            double scale = 0.0;
            if (c.type == weight_type::q8_0) {
                const uint8_t * const block = d.w.rows.data() + o * d.w.row_bytes + i0 / 32 * 34;
                const uint16_t from = u16_at(block);
                uint16_t to = from;
                for (int i = 0; i < 32; i++) quants[i] = (float) (int8_t) block[2 + i];
                const std::vector<float> given = quants;
                while (largest_of_four(quants) > 258) {
                    const int exponent = to >> 10 & 31, significand = (to & 1023) + (exponent ? 1024 : 0);
                    to = (uint16_t) (to + std::max(1, significand / 8));
                    const float ratio = (float) from_f16(from) / (float) from_f16(to);
                    for (int i = 0; i < 32; i++) quants[i] = std::nearbyint(given[i] * ratio);
                }
                scale = from_f16(to);
            } else {
                float amax = 0.0f, limit = 127.0f;
                for (int i = 0; i < step; i++) amax = std::max(amax, std::fabs((float) w[i]));
                const auto round = [&] {
                    for (int i = 0; i < step; i++) quants[i] = std::nearbyint((float) w[i] * (limit / amax));
                    return largest_of_four(quants);
                };
                for (int largest = round(); largest > 258; largest = round()) limit *= 258.0f / (float) (largest + 1);
                scale = amax / limit;
            }
            for (int i = 0; i < step; i++) out.push_back(scale * quants[i]);
        }
    }
    return out;
}

inline std::vector<double> reference_linear(const linear_case & c, const linear_data & d, const rounding & by) {
    const std::vector<double> x = rounded(d.x.data(), d.x_stride, c.n_tokens, c.n_in, by.token_limit, by.token_step);
    const std::vector<double> w =
        by.fits_lanes ? fitting_weights(c, d)
                      : rounded(d.w.values.data(), c.n_in, c.n_out, c.n_in, by.weight_limit, by.weight_step);
    std::vector<double> out;
    for (int t = 0; t < c.n_tokens; t++) {
        for (int o = 0; o < c.n_out; o++) {
            double sum = c.bias ? d.bias[o] : 0.0;
            for (int i = 0; i < c.n_in; i++) sum += x[(size_t) t * c.n_in + i] * w[(size_t) o * c.n_in + i];
            out.push_back(apply(c.op, sum) + (c.residual ? d.residual[t * d.residual_stride + o] : 0.0));
        }
    }
    return out;
}

inline std::vector<linear_case> linear_cases() {
    std::vector<linear_case> cases;
    const int shapes[][3] = {{1, 32, 1},    {1, 64, 33},    {2, 96, 17},   {3, 32, 16},   {4, 768, 64},
                             {5, 160, 31},  {6, 128, 32},   {7, 256, 100}, {8, 64, 48},   {9, 1024, 40},
                             {11, 96, 130}, {13, 2048, 20}, {50, 768, 96}, {197, 64, 70}, {1030, 64, 24}};
    int i = 0;
    for (const weight_type type : all_types) {
        for (const auto & s : shapes) {
            linear_case c = {type, s[0], s[1], s[2]};
            c.op = (unary) (i % 4);
            c.bias = i % 3 != 0;
            c.residual = i % 5 < 2;
            cases.push_back(c);
            i++;
        }
        if (!is_quantized(type)) {
            cases.push_back({type, 9, 588, 50});
            cases.push_back({type, 3, 1, 1});
            cases.push_back({type, 17, 75, 19});
        }
    }
    return cases;
}

inline void test_linear(const kernel_table & k) {
    double worst = 0.0;
    for (const linear_case & c : linear_cases()) {
        const linear_data d = data_for(c);
        const std::vector<float> got = run_linear(k, c, d, 1);
        const double e = difference(got, reference_linear(c, d, rounding_of(k, c)));
        // 2e-5: if tokens have ranges, two large terms nearly cancel
        expect(e < 2e-5 + shift_rounding(k, c, d, got),
               std::string(k.name) + " linear " + c.text() + ": " + std::to_string(e));
        worst = std::max(worst, e);
    }
    std::printf("%-12s linear: worst difference %.1e\n", k.name, worst);
}

// Root mean square difference from the result of f32 activations and weights.
inline double rounding_error(const linear_case & c, const linear_data & d, const std::vector<double> & result) {
    const std::vector<double> exact = reference_linear(c, d, {});
    double sum = 0.0;
    for (size_t i = 0; i < exact.size(); i++) sum += (result[i] - exact[i]) * (result[i] - exact[i]);
    return std::sqrt(sum / (double) exact.size());
}

// However a level rounds the activations of 8-bit weights, on rows of realistic length with outliers the result must be
// as accurate as with 8 bits and one scale per group (kernels.h).
inline void test_accuracy(const kernel_table & k) {
    for (const int n_in : {768, 1024, 3072}) {
        const linear_case c = {weight_type::q8_0, 40, n_in, 64};
        const linear_data d = data_for(c);
        const std::vector<float> got = run_linear(k, c, d, 1);
        const double own = rounding_error(c, d, {got.begin(), got.end()});
        const double eight_bits =
            rounding_error(c, d, reference_linear(c, d, {127.0f, ggclip::kernels::scale_group(n_in)}));
        expect(own < 1.05 * eight_bits,
               std::string(k.name) + " accuracy " + c.text() + ": " + std::to_string(own / eight_bits));
        std::printf("%-12s error of 8-bit weights, rows of %d: %.2f of that of 8-bit activations\n", k.name, n_in,
                    own / eight_bits);
    }
}

// Maximum weights and activations: no integer sum saturates or wraps.
inline void test_extremes(const kernel_table & k) {
    for (const weight_type type : {weight_type::q8_0, weight_type::i8}) {
        for (const int quant : {-128, -127, 127}) {
            linear_case c = {type, 7, 256, 32};
            linear_data d = data_for(c);
            for (int t = 0; t < c.n_tokens; t++)
                std::fill_n(d.x.begin() + t * d.x_stride, c.n_in, t % 2 ? 1.0f : -1.0f);
            std::fill(d.w.values.begin(), d.w.values.end(), quant);
            const uint16_t one = to_f16(1.0f);
            const float value = (float) quant;
            for (int o = 0; o < c.n_out; o++) {
                uint8_t * const row = d.w.rows.data() + o * d.w.row_bytes;
                for (int b = 0; type == weight_type::q8_0 && b < c.n_in / 32; b++) {
                    std::memcpy(row + b * 34, &one, 2);
                    std::fill_n(row + b * 34 + 2, 32, (uint8_t) quant);
                }
                for (int i = 0; type == weight_type::i8 && i < c.n_in; i++) std::memcpy(row + i * 4, &value, 4);
            }
            const double e = difference(run_linear(k, c, d, 1), reference_linear(c, d, rounding_of(k, c)));
            expect(e < 1e-5, std::string(k.name) + " extremes " + std::to_string(quant) + " " + c.text() + ": " +
                                 std::to_string(e));
        }
    }
}

// A result packed for the next layer equals packing the plain result, bit for bit.
inline void test_linear_pack(const kernel_table & k) {
    if (!k.linear_pack) return;
    const int shapes[][3] = {{1, 32, 32},     {3, 64, 416}, {8, 96, 384}, {9, 256, 768}, {50, 64, 800},
                             {121, 32, 1024}, {9, 64, 75},  {5, 32, 760}, {20, 64, 4304}};
    int i = 0;
    for (const weight_type type : all_types) {
        if (!is_quantized(type)) continue;
        for (const weight_type next : {weight_type::q8_0, weight_type::q4_1, weight_type::q5_0}) {
            for (const auto & s : shapes) {
                const linear_case c = {type, s[0], s[1], s[2], (unary) (i % 4), i % 3 != 0, false};
                const int nth = 1 + i % 5;
                i++;
                const linear_data d = data_for(c);
                const std::vector<float> plain = run_linear(k, c, d, nth);
                const size_t size = k.activations_size(next, c.n_tokens, c.n_out);
                buffer w(k.packed_size(type, c.n_out, c.n_in)), act(k.activations_size(type, c.n_tokens, c.n_in)),
                    want(size), got(size);
                k.pack(type, c.n_out, c.n_in, d.w.rows.data(), d.w.row_bytes, w.data());
                k.pack_activations(type, d.x.data(), d.x_stride, c.n_tokens, c.n_in, act.data(), 0, 1);
                k.pack_activations(next, plain.data(), c.n_out, c.n_tokens, c.n_out, want.data(), 0, 1);
                const linear_args args = {{type, c.n_out, c.n_in, w.data()},
                                          act.data(),
                                          c.n_tokens,
                                          c.bias ? d.bias.data() : nullptr,
                                          c.op,
                                          nullptr,
                                          0,
                                          nullptr,
                                          0};
                run_shares(nth, [&](int ith) { k.linear_pack(args, next, got.data(), ith, nth); });
                expect(std::memcmp(got.data(), want.data(), size) == 0,
                       std::string(k.name) + " linear_pack " + c.text() + " for " + type_name(next));
            }
        }
    }
    std::printf("%-12s linear_pack: %d cases\n", k.name, i);
}

// A row that does not fill its last block equals the row with zeros after it, bit for bit, from memory and from a norm.
inline void test_short_rows(const kernel_table & k) {
    for (const weight_type type : all_types) {
        if (!ggclip::kernels::in_blocks(type)) continue;
        for (const int n : {1, 31, 33, 75, 179, 379, 760, 4304}) {
            const int n_tokens = 1 + n % 11, whole = (n + 31) / 32 * 32;
            const std::vector<float> x = random_floats((size_t) n_tokens * n, n), weight = random_floats(n, 5),
                                     bias = random_floats(n, 6);
            const size_t size = k.activations_size(type, n_tokens, n);
            const auto filled = [&](const std::vector<float> & values) {
                std::vector<float> rows((size_t) n_tokens * whole);
                for (int t = 0; t < n_tokens; t++)
                    std::copy_n(values.begin() + (ptrdiff_t) t * n, n, rows.begin() + (ptrdiff_t) t * whole);
                return rows;
            };
            buffer want(size), got(size);
            expect(size == k.activations_size(type, n_tokens, whole), std::string(k.name) + " size of short rows");
            k.pack_activations(type, x.data(), n, n_tokens, n, got.data(), 0, 1);
            k.pack_activations(type, filled(x).data(), whole, n_tokens, whole, want.data(), 0, 1);
            const std::string what = std::string(k.name) + " short rows " + type_name(type) + " " + std::to_string(n);
            expect(std::memcmp(got.data(), want.data(), size) == 0, what);

            std::vector<float> normed((size_t) n_tokens * n);
            const norm_args args = {x.data(), (size_t) n,    n_tokens,    n,
                                    1e-5f,    weight.data(), bias.data(), normed.data()};
            k.layer_norm_pack(type, args, got.data(), 0, 1);
            k.pack_activations(type, filled(normed).data(), whole, n_tokens, whole, want.data(), 0, 1);
            expect(std::memcmp(got.data(), want.data(), size) == 0, what + " after a norm");
        }
    }
    std::printf("%-12s short rows: done\n", k.name);
}

// Neither the thread count nor the other tokens of a batch change any bit.
inline void test_determinism(const kernel_table & k) {
    for (const weight_type type : all_types) {
        {
            linear_case c = {type, 19, 1536, 70, unary::quick_gelu, true, true};
            const linear_data d = data_for(c);
            const std::vector<float> one = run_linear(k, c, d, 1);
            for (const int nth : {2, 3, 4, 64})
                expect(run_linear(k, c, d, nth) == one, std::string(k.name) + " nth " + c.text());
            for (const int n : {1, 2, 3, 4, 5, 6, 7, 8, 10}) {
                const std::vector<float> part = run_linear(k, c, d, 1, 5, n);
                expect(std::equal(part.begin(), part.end(), one.begin() + 5 * c.n_out),
                       std::string(k.name) + " batch of " + std::to_string(n) + " " + c.text());
            }
        }
    }
    std::printf("%-12s determinism: done\n", k.name);
}

}  // namespace test
