// Linear layers: values, and that neither threads nor batches change them.
#pragma once

#include <algorithm>
#include <cstring>

#include "weights.h"

namespace test {

struct linear_case {
    weight_type      type;
    int              n_tokens, n_in, n_out;
    activation_scale scale = activation_scale::block;
    unary            op = unary::none;
    bool             bias = false, residual = false;
    std::string      text() const {
        return std::string(type_name(type)) + " " + std::to_string(n_tokens) + "x" + std::to_string(n_in) + "x" +
               std::to_string(n_out) + (scale == activation_scale::row ? " row" : "") + " op" +
               std::to_string((int)op) + (bias ? " bias" : "") + (residual ? " residual" : "");
    }
};

struct linear_data {
    matrix             w;
    std::vector<float> x, bias, residual;
    size_t             x_stride, residual_stride;
};

inline linear_data data_for(const linear_case & c) {
    linear_data d = {
        random_matrix(c.type, c.n_out, c.n_in, 1 + c.n_out), {}, {}, {}, (size_t)c.n_in + 3, (size_t)c.n_out + 5};
    d.x = random_floats(d.x_stride * c.n_tokens, 7 + c.n_tokens);
    for (size_t i = 11; i < d.x.size(); i += 131) {
        d.x[i] *= 30.0f;  // outliers, as CLIP's activations have
    }
    if (c.n_tokens > 2) {
        std::fill(d.x.begin() + d.x_stride, d.x.begin() + d.x_stride + std::min(c.n_in, 64), 0.0f);  // zero blocks
    }
    d.bias = random_floats(c.n_out, 3);
    d.residual = random_floats(d.residual_stride * c.n_tokens, 4);
    return d;
}

inline std::vector<float> run_linear(const kernel_table & k, const linear_case & c, const linear_data & d, int nth,
                                     int first_token = 0, int n_tokens = -1) {
    const int n = n_tokens < 0 ? c.n_tokens : n_tokens;
    buffer    w(k.packed_size(c.type, c.n_out, c.n_in)), act(k.activations_size(c.type, n, c.n_in));
    k.pack(c.type, c.n_out, c.n_in, d.w.rows.data(), d.w.row_bytes, w.data());
    run_shares(nth, [&](int i) {
        k.pack_activations(c.type, c.scale, d.x.data() + first_token * d.x_stride, d.x_stride, n, c.n_in, act.data(), i,
                           nth);
    });
    const size_t       stride = c.n_out + 2;
    std::vector<float> dst(stride * n + 16, 12345.0f);
    const linear_args  args = {{c.type, c.n_out, c.n_in, w.data()},
                               act.data(),
                               n,
                               c.scale,
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

inline double round_to_bf16(double x) {
    const float f = (float)x;
    uint32_t    u;
    std::memcpy(&u, &f, 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000;
    float g;
    std::memcpy(&g, &u, 4);
    return g;
}

// The level's named exception: activations and 16-bit weights multiplied as bf16.
inline bool uses_bf16(const kernel_table & k, const linear_case & c) {
    return k.level == cpu_level::avx512_bf16 && c.scale == activation_scale::row &&
           (c.type == weight_type::f16 || c.type == weight_type::bf16);
}

inline std::vector<double> quantized_activations(const linear_case & c, const linear_data & d) {
    std::vector<double> out((size_t)c.n_tokens * c.n_in);
    for (int t = 0; t < c.n_tokens; t++) {
        const float * x = d.x.data() + t * d.x_stride;
        double *      q = out.data() + (size_t)t * c.n_in;
        std::copy(x, x + c.n_in, q);
        const int step = c.scale == activation_scale::row ? c.n_in : 32;
        for (int i0 = 0; is_quantized(c.type) && i0 < c.n_in; i0 += step) {
            float amax = 0.0f;
            for (int i = i0; i < i0 + step; i++) {
                amax = std::max(amax, std::fabs(x[i]));
            }
            for (int i = i0; i < i0 + step; i++) {
                q[i] = amax > 0.0f ? std::nearbyint(x[i] * (127.0f / amax)) * (amax / 127.0f) : 0.0;
            }
        }
    }
    return out;
}

inline std::vector<double> reference_linear(const linear_case & c, const linear_data & d, bool bf16) {
    std::vector<double> x = quantized_activations(c, d), w = d.w.values, out;
    if (bf16) {
        std::transform(x.begin(), x.end(), x.begin(), round_to_bf16);
        std::transform(w.begin(), w.end(), w.begin(), round_to_bf16);
    }
    for (int t = 0; t < c.n_tokens; t++) {
        for (int o = 0; o < c.n_out; o++) {
            double sum = c.bias ? d.bias[o] : 0.0;
            for (int i = 0; i < c.n_in; i++) {
                sum += x[(size_t)t * c.n_in + i] * w[(size_t)o * c.n_in + i];
            }
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
    int       i = 0;
    for (const weight_type type : all_types) {
        for (const auto & s : shapes) {
            linear_case c = {type, s[0], s[1], s[2]};
            c.scale = i % 2 ? activation_scale::row : activation_scale::block;
            c.op = (unary)(i % 4);
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
    const kernel_table & scalar = *kernels_for(cpu_level::scalar);
    double               worst = 0.0;
    for (const linear_case & c : linear_cases()) {
        const linear_data        d = data_for(c);
        const std::vector<float> got = run_linear(k, c, d, 1);
        const bool               bf16 = uses_bf16(k, c);
        const double             e = &k == &scalar || bf16 ? difference(got, reference_linear(c, d, bf16))
                                                           : difference(got, run_linear(scalar, c, d, 1));
        expect(e < 1e-5, std::string(k.name) + " linear " + c.text() + ": " + std::to_string(e));
        worst = std::max(worst, e);
    }
    std::printf("%-12s linear: worst difference %.1e\n", k.name, worst);
}

// Neither the number of threads nor the other tokens of a batch change a single bit.
inline void test_determinism(const kernel_table & k) {
    for (const weight_type type : all_types) {
        for (const activation_scale scale : {activation_scale::block, activation_scale::row}) {
            linear_case              c = {type, 19, 1536, 70, scale, unary::quick_gelu, true, true};
            const linear_data        d = data_for(c);
            const std::vector<float> one = run_linear(k, c, d, 1);
            for (const int nth : {2, 3, 4, 64}) {
                expect(run_linear(k, c, d, nth) == one, std::string(k.name) + " nth " + c.text());
            }
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
