// A linear layer of random values to test: its shape, its data, and a level's result.
#pragma once

#include <algorithm>

#include "weights.h"

namespace test {

struct linear_case {
    weight_type type;
    int n_tokens, n_in, n_out;
    unary op = unary::none;
    bool bias = false, residual = false, rounds = false;
    std::string text() const {
        return std::string(type_name(type)) + " " + std::to_string(n_tokens) + "x" + std::to_string(n_in) + "x" +
               std::to_string(n_out) + " op" + std::to_string((int) op) + (bias ? " bias" : "") +
               (residual ? " residual" : "") + (rounds ? " rounds" : "");
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
    linear_args args = {{c.type, c.n_out, c.n_in, w.data()},
                        act.data(),
                        n,
                        c.bias ? d.bias.data() : nullptr,
                        c.op,
                        c.residual ? d.residual.data() + first_token * d.residual_stride : nullptr,
                        d.residual_stride,
                        dst.data(),
                        stride};
    args.rounds = c.rounds;
    run_shares(nth, [&](int i) { k.linear(args, i, nth); });
    std::vector<float> out;
    for (int t = 0; t < n; t++) {
        out.insert(out.end(), dst.begin() + t * stride, dst.begin() + t * stride + c.n_out);
        expect(dst[t * stride + c.n_out] == 12345.0f, std::string(k.name) + " linear wrote beyond a row " + c.text());
    }
    return out;
}

}  // namespace test
