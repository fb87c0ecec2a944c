// The activation functions of linear layers.
#pragma once

#include <algorithm>

#include "support.h"

namespace test {

inline void test_unary(const kernel_table & k) {
    std::vector<float> x;
    for (float v = -12.0f; v < 12.0f; v += 0.001f) x.push_back(v);
    for (const float v : {-100.0f, -50.0f, -20.0f, 20.0f, 50.0f, 100.0f, 3e4f, -3e4f, 1e-20f, -1e-20f, 0.0f})
        x.push_back(v);
    const int n = (int) x.size();
    const float weight = 1.0f;
    buffer w(k.packed_size(weight_type::f32, 1, 1)), act(k.activations_size(weight_type::f32, n, 1));
    k.pack(weight_type::f32, 1, 1, &weight, 4, w.data());
    k.pack_activations(weight_type::f32, x.data(), 1, n, 1, act.data(), 0, 1);
    for (const unary op :
         {unary::quick_gelu, unary::gelu_erf, unary::gelu_tanh, unary::silu, unary::relu, unary::tanh}) {
        std::vector<float> y(n);
        k.linear({{weight_type::f32, 1, 1, w.data()}, act.data(), n, nullptr, op, nullptr, 0, y.data(), 1}, 0, 1);
        double near = 0.0, far = 0.0;
        for (int i = 0; i < n; i++) {
            const double want = apply(op, x[i]);
            const double e = std::fabs(y[i] - want);
            // tanh is one minus something: exact to the rounding of 1
            const double size = op == unary::tanh ? 1.0 : std::fabs(want) + 1e-30;
            near = std::max(near, std::fabs(x[i]) <= 5.0f ? e / size : 0.0);
            far = std::max(far, e / std::max(size, std::fabs(want) + 1e-4));
            expect(std::isfinite(y[i]), std::string(k.name) + " unary is not finite");
        }
        const double rounding = k.level == cpu_level::sse41 ? 1.5 : 1.0;  // no fused multiply-add
        // At |x| = 5, gelu_tanh's exponent, and so its rounding, is 2.8 times larger than the others'.
        expect(near < (op == unary::gelu_tanh ? 4e-6 : 1e-6) * rounding && far < 1e-6 * rounding,
               std::string(k.name) + " unary " + std::to_string((int) op) + ": " + std::to_string(near * 1e6) + "e-6 " +
                   std::to_string(far * 1e6) + "e-6");
        std::printf("%-12s unary %d: relative error %.1e for |x| <= 5\n", k.name, (int) op, near);

        // for results that are rounded to bytes next
        linear_args args = {{weight_type::f32, 1, 1, w.data()}, act.data(), n, nullptr, op, nullptr, 0, y.data(), 1};
        args.rounds = true;
        k.linear(args, 0, 1);
        double error = 0.0;
        for (int i = 0; i < n; i++) {
            const double want = apply(op, x[i]);
            error = std::max(error, std::fabs(y[i] - want) / std::max(1.0, std::fabs(want)));
        }
        expect(error < 5e-5, std::string(k.name) + " unary " + std::to_string((int) op) +
                                 ", rounded next: " + std::to_string(error * 1e5) + "e-5");
    }
}

}  // namespace test
