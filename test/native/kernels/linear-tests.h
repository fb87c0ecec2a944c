// Linear layers: values, and independence of threads and batches.
#pragma once

#include <cstring>

#include "linear-reference.h"

namespace test {

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

// Levels that split 16-bit weights into bytes are at least as accurate as words of 13 bits.
inline void test_split_accuracy(const kernel_table & k) {
    for (const weight_type type : {weight_type::f16, weight_type::bf16}) {
        const linear_case c = {type, 40, 1024, 64};
        if (!rounding_of(k, c).is_split) continue;
        const linear_data d = data_for(c);
        const std::vector<float> got = run_linear(k, c, d, 1);
        const double own = rounding_error(c, d, {got.begin(), got.end()});
        const double words = rounding_error(c, d, reference_linear(c, d, {4095.0f, 64, 4095.0f, 64}));
        expect(own < words, std::string(k.name) + " accuracy " + c.text() + ": " + std::to_string(own / words));
        std::printf("%-12s error of %s weights: %.2f of that of 13-bit words\n", k.name, type_name(type), own / words);
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
                const linear_case c = {type, s[0], s[1], s[2], (unary) (i % 4), i % 3 != 0, false, i / 4 % 2 != 0};
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
                linear_args args = {{type, c.n_out, c.n_in, w.data()},
                                    act.data(),
                                    c.n_tokens,
                                    c.bias ? d.bias.data() : nullptr,
                                    c.op,
                                    nullptr,
                                    0,
                                    nullptr,
                                    0};
                args.rounds = c.rounds;
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
