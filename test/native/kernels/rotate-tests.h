// Rotary positions against the formula, at every head size's remainder of a vector.
#pragma once

#include <cmath>

#include "support.h"

namespace test {

inline void test_rotate(const kernel_table & k) {
    double worst = 0.0;
    for (const int d_head : {2, 4, 6, 8, 20, 32, 36, 64, 80, 96, 112, 128}) {
        for (const bool halves : {false, true}) {
            const int n_tokens = 7, n_head = 3;
            const size_t stride = (size_t) n_head * d_head + 5;
            const std::vector<float> x = random_floats(stride * n_tokens, d_head),
                                     turns = random_floats((size_t) 2 * d_head * n_tokens, 2);
            std::vector<float> got((size_t) n_head * d_head * n_tokens + 16, 5.0f);
            const rotate_args args = {x.data(), stride, n_tokens, n_head, d_head, turns.data(), halves, got.data()};
            run_shares(3, [&](int i) { k.rotate(args, i, 3); });
            std::vector<double> want;
            for (int t = 0; t < n_tokens; t++) {
                for (int i = 0; i < n_head * d_head; i++) {
                    const int at = i % d_head, half = d_head / 2;
                    const int partner = halves ? (at + half) % d_head : at % 2 == 0 ? at + 1 : at - 1;
                    const float * row = x.data() + t * stride + (i - at);
                    const float * turn = turns.data() + (size_t) t * 2 * d_head;
                    want.push_back((double) row[at] * turn[at] + (double) row[partner] * turn[d_head + at]);
                }
            }
            const double e = difference(got, want);
            worst = std::max(worst, e);
            expect(e < 1e-6, std::string(k.name) + " rotate " + std::to_string(d_head) + (halves ? " halves" : "") +
                                 ": " + std::to_string(e));
            expect(got[want.size()] == 5.0f, std::string(k.name) + " rotate wrote beyond its rows");
        }
    }
    std::printf("%-12s rotate: worst difference %.1e\n", k.name, worst);
}

}  // namespace test
