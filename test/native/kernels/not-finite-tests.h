// Non-finite values propagate: no kernel may turn NaN or infinity into plausible numbers, or leak them into another
// token. The caller's embedding check (lib/vectors/finite.ts) relies on this.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "attention-tests.h"
#include "linear-layer.h"

namespace test {

inline std::vector<float> not_finite_values() {
    const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    return {nan, std::copysign(nan, -1.0f), infinity, -infinity};
}

inline bool none_finite(const float * x, int n) {
    for (int i = 0; i < n; i++)
        if (std::isfinite(x[i])) return false;
    return true;
}

// Token `hit` of `got` has no finite value; the others match `clean` bit for bit.
inline void expect_one_lost(const std::vector<float> & got, const std::vector<float> & clean, int hit, int n_out,
                            const std::string & what) {
    const size_t begin = (size_t) hit * n_out, end = begin + n_out;
    expect(none_finite(got.data() + begin, n_out), what + " is finite");
    expect(!std::memcmp(got.data(), clean.data(), begin * sizeof(float)) &&
               !std::memcmp(got.data() + end, clean.data() + end, (clean.size() - end) * sizeof(float)),
           what + " changes other tokens");
}

// One non-finite activation, at every position of short rows and many positions of a long one.
inline void test_activations_not_finite(const kernel_table & k) {
    int n_cases = 0;
    for (const weight_type type : all_types) {
        for (const int n_in : {96, 75, 800}) {
            if (is_quantized(type) && n_in % 32) continue;
            linear_case c = {type, 5, n_in, 19, unary::none, true, true};
            linear_data d = data_for(c);
            std::vector<float> clean[4];
            for (int op = 0; op < 4; op++) {
                c.op = (unary) op;
                clean[op] = run_linear(k, c, d, 1);
            }
            for (int i = 0; i<n_in; i += n_in> 100 ? 7 : 1) {
                for (const float value : not_finite_values()) {
                    const int hit = n_cases % c.n_tokens;
                    float & x = d.x[hit * d.x_stride + i];
                    const float kept = x;
                    x = value;
                    c.op = (unary) (n_cases % 4);
                    expect_one_lost(run_linear(k, c, d, 1), clean[n_cases % 4], hit, c.n_out,
                                    std::string(k.name) + " linear of " + std::to_string(value) + " at " +
                                        std::to_string(i) + " " + c.text());
                    x = kept;
                    n_cases++;
                }
            }
        }
    }
    std::printf("%-12s linear of NaN and infinity: %d cases\n", k.name, n_cases);
}

// A non-finite row of weights: types packed from floats are rounded like activations.
inline void test_weights_not_finite(const kernel_table & k) {
    for (const weight_type type : {weight_type::f32, weight_type::f16, weight_type::bf16, weight_type::i8}) {
        const linear_case c = {type, 3, 100, 19};
        for (int i = 0; i < c.n_in; i++) {
            for (const float value : not_finite_values()) {
                linear_data d = data_for(c);
                uint8_t * row = d.w.rows.data() + 7 * d.w.row_bytes;
                uint32_t bits;
                std::memcpy(&bits, &value, 4);
                const uint16_t f16 = (uint16_t) ((bits >> 16 & 0x8000) | 0x7c00 | (std::isnan(value) ? 0x200 : 0));
                const uint16_t half = type == weight_type::f16 ? f16 : (uint16_t) (bits >> 16);
                if (type == weight_type::f32 || type == weight_type::i8) std::memcpy(row + i * 4, &value, 4);
                else std::memcpy(row + i * 2, &half, 2);
                const std::vector<float> got = run_linear(k, c, d, 1);
                for (int t = 0; t < c.n_tokens; t++) {
                    for (int o = 0; o < c.n_out; o++) {
                        expect(std::isfinite(got[t * c.n_out + o]) == (o != 7),
                               std::string(k.name) + " weights with " + std::to_string(value) + " " + c.text());
                    }
                }
            }
        }
    }
}

// Blocks of q8_0 with scales at the top of f16: products are right, or not finite where no scale can hold the block.
inline void test_largest_scales(const kernel_table & k) {
    const struct {
        uint16_t bits;
        double value;
    } scales[] = {{0x7bff, 65504}, {0xfbff, -65504}, {0x7a00, 49152}, {0x7801, 32800}};
    const linear_case c = {weight_type::q8_0, 3, 64, 19};
    for (const auto & scale : scales) {
        linear_data d = data_for(c);
        uint8_t * const block = d.w.rows.data() + 7 * d.w.row_bytes;
        std::memcpy(block, &scale.bits, 2);
        std::memset(block + 2, 127, 32);
        const std::vector<float> got = run_linear(k, c, d, 1);
        for (int t = 0; t < c.n_tokens; t++) {
            double sum = 0, size = 0;  // the row's second block is some 1e-7 of this one
            for (int i = 0; i < 32; i++) {
                sum += d.x[t * d.x_stride + i];
                size += std::fabs(d.x[t * d.x_stride + i]);
            }
            for (int o = 0; o < c.n_out; o++) {
                const float value = got[t * c.n_out + o];
                const bool right = o == 7 ? !std::isfinite(value) || std::fabs(value - sum * 127 * scale.value) <=
                                                                         0.05 * size * 127 * std::fabs(scale.value)
                                          : std::isfinite(value);
                expect(right, std::string(k.name) + " q8_0 with a scale of " + std::to_string(scale.value) + ": row " +
                                  std::to_string(o) + " gave " + std::to_string(value));
            }
        }
    }
}

// First half of an MLP with one non-finite result, then the second half.
inline void test_linear_pack_not_finite(const kernel_table & k) {
    if (!k.linear_pack) return;
    for (const weight_type type : all_types) {
        if (!is_quantized(type)) continue;
        const linear_case c = {type, 3, 64, 416, unary::gelu_tanh, true, false};
        linear_data d = data_for(c);
        const matrix second = random_matrix(type, 19, c.n_out, 5);
        buffer w(k.packed_size(type, c.n_out, c.n_in)), act(k.activations_size(type, c.n_tokens, c.n_in)),
            next(k.packed_size(type, 19, c.n_out)), hidden(k.activations_size(type, c.n_tokens, c.n_out));
        k.pack(type, c.n_out, c.n_in, d.w.rows.data(), d.w.row_bytes, w.data());
        k.pack(type, 19, c.n_out, second.rows.data(), second.row_bytes, next.data());
        k.pack_activations(type, d.x.data(), d.x_stride, c.n_tokens, c.n_in, act.data(), 0, 1);
        for (int o = 0; o < c.n_out; o++) {
            for (const float value : not_finite_values()) {
                const float kept = d.bias[o];
                d.bias[o] = value;
                linear_args args = {{type, c.n_out, c.n_in, w.data()},
                                    act.data(),
                                    c.n_tokens,
                                    d.bias.data(),
                                    c.op,
                                    nullptr,
                                    0,
                                    nullptr,
                                    0};
                args.rounds = o % 2 != 0;
                k.linear_pack(args, type, hidden.data(), 0, 1);
                std::vector<float> got(19 * c.n_tokens);
                k.linear({{type, 19, c.n_out, next.data()},
                          hidden.data(),
                          c.n_tokens,
                          nullptr,
                          unary::none,
                          nullptr,
                          0,
                          got.data(),
                          19},
                         0, 1);
                expect(none_finite(got.data(), (int) got.size()), std::string(k.name) + " linear_pack of " +
                                                                      std::to_string(value) + " at " +
                                                                      std::to_string(o) + " " + c.text());
                d.bias[o] = kept;
            }
        }
    }
}

inline void test_unary_not_finite(const kernel_table & k) {
    for (const unary op :
         {unary::none, unary::quick_gelu, unary::gelu_erf, unary::gelu_tanh, unary::silu, unary::relu, unary::tanh}) {
        const std::vector<float> values = not_finite_values();
        const float weight = 1.0f;
        const int n = (int) values.size();
        std::vector<float> got(n);
        buffer w(k.packed_size(weight_type::f32, 1, 1)), act(k.activations_size(weight_type::f32, n, 1));
        k.pack(weight_type::f32, 1, 1, &weight, 4, w.data());
        k.pack_activations(weight_type::f32, values.data(), 1, n, 1, act.data(), 0, 1);
        k.linear({{weight_type::f32, 1, 1, w.data()}, act.data(), n, nullptr, op, nullptr, 0, got.data(), 1}, 0, 1);
        expect(none_finite(got.data(), n),
               std::string(k.name) + " unary " + std::to_string((int) op) + " of what is not finite");
    }
}

inline void test_layer_norm_not_finite(const kernel_table & k) {
    for (const int n : {31, 96, 800}) {
        const int n_tokens = 3, n_out = 19;
        const std::vector<float> weight = random_floats(n, 2), bias = random_floats(n, 3);
        std::vector<float> x = random_floats((size_t) n * n_tokens, n), got(x.size()), clean(x.size());
        norm_args args = {x.data(), (size_t) n, n_tokens, n, 1e-5f, weight.data(), bias.data(), clean.data()};
        k.layer_norm(args, 0, 1);
        args.dst = got.data();
        for (int i = 0; i<n; i += n> 100 ? 7 : 1) {
            for (const float value : not_finite_values()) {
                const std::string what =
                    std::string(k.name) + " layer_norm of " + std::to_string(value) + " at " + std::to_string(i);
                const int hit = i % n_tokens;
                float & at = x[(size_t) hit * n + i];
                const float kept = at;
                at = value;
                k.layer_norm(args, 0, 1);
                expect_one_lost(got, clean, hit, n, what);
                for (const weight_type type : all_types) {
                    if (is_quantized(type) && n % 32) continue;
                    const matrix m = random_matrix(type, n_out, n, 5);
                    buffer w(k.packed_size(type, n_out, n)), act(k.activations_size(type, n_tokens, n));
                    std::vector<float> dst(n_out * n_tokens);
                    k.pack(type, n_out, n, m.rows.data(), m.row_bytes, w.data());
                    k.layer_norm_pack(type, args, act.data(), 0, 1);
                    k.linear({{type, n_out, n, w.data()},
                              act.data(),
                              n_tokens,
                              nullptr,
                              unary::none,
                              nullptr,
                              0,
                              dst.data(),
                              (size_t) n_out},
                             0, 1);
                    expect(none_finite(dst.data() + hit * n_out, n_out), what + " packed for " + type_name(type));
                }
                at = kept;
            }
        }
    }
}

// Variance overflow: the result is either correct or non-finite, never just the bias.
inline void test_layer_norm_overflow(const kernel_table & k) {
    const int n = 96;
    const std::vector<float> weight = random_floats(n, 2), bias = random_floats(n, 3);
    for (const float large : {1e15f, 1e19f, 1e25f, 3e38f}) {
        std::vector<float> x = random_floats(n, 1), got(n);
        x[5] = large;
        k.layer_norm({x.data(), (size_t) n, 1, n, 1e-5f, weight.data(), bias.data(), got.data()}, 0, 1);
        double mean = 0.0, square = 0.0;
        for (const float v : x) mean += v / (double) n;
        for (const float v : x) square += (v - mean) * (v - mean) / n;
        for (int i = 0; i < n; i++) {
            const double want = (x[i] - mean) / std::sqrt(square + 1e-5) * weight[i] + bias[i];
            expect(!std::isfinite(got[i]) || std::fabs(got[i] - want) < 1e-4,
                   std::string(k.name) + " layer_norm of " + std::to_string(large));
        }
    }
}

// Attention with one non-finite value in a query, key or value: how many were tried. Softmax may give a score of minus
// infinity the weight 0, like the reference; all other finite results must match the reference.
inline int test_attention_not_finite(const kernel_table & k, const attention_case & c, bool rounds) {
    int n_cases = 0;
    const std::vector<float> clean = run_attention(k, c, 1, nullptr, nullptr, rounds);
    for (int which = 0; which < 3; which++) {
        const int n_rows = which == 0 ? c.n_q[0] : c.n_kv[0];  // of the first sequence
        for (int at = 0; at < n_rows * c.d_head; at++) {
            for (const float value : not_finite_values()) {
                const attention_change change = {which, at / c.d_head, at % c.d_head, value};  // in the first head
                std::vector<double> want;
                const std::vector<float> got = run_attention(k, c, 1, &want, &change, rounds);
                const std::string what =
                    std::string(k.name) + " attention, " + std::to_string(value) + " in " + "qkv"[which];
                for (size_t i = 0; i < got.size(); i++) {
                    const size_t row = i / (c.n_head * c.d_head), head = i / c.d_head % c.n_head;
                    const bool touched = row < (size_t) c.n_q[0] && head == 0;
                    expect(touched ? !std::isfinite(got[i]) || std::fabs(got[i] - want[i]) < (rounds ? 1e-3 : 1e-4)
                                   : got[i] == clean[i],
                           what + (touched ? " is finite" : " changes others"));
                }
                n_cases++;
            }
        }
    }
    return n_cases;
}

inline void test_attention_not_finite(const kernel_table & k) {
    const attention_case cases[] = {
        {{5, 3, 18}, {5, 3, 18}, 2, 17, false}, {{3, 9}, {3, 9}, 2, 16, true}, {{1, 2}, {70, 50}, 2, 8, false}};
    int n_cases = 0;
    for (const bool rounds : {false, true})
        for (const attention_case & c : cases) n_cases += test_attention_not_finite(k, c, rounds);
    std::printf("%-12s attention with NaN and infinity: %d cases\n", k.name, n_cases);
}

inline void test_not_finite(const kernel_table & k) {
    test_activations_not_finite(k);
    test_weights_not_finite(k);
    test_largest_scales(k);
    test_linear_pack_not_finite(k);
    test_unary_not_finite(k);
    test_layer_norm_not_finite(k);
    test_layer_norm_overflow(k);
    test_attention_not_finite(k);
}

}  // namespace test
