// Depthwise convolutions and gates against sums in double precision.
#pragma once

#include <algorithm>

#include "support.h"

namespace test {

inline std::vector<double> depthwise_sums(const depthwise_args & a) {
    std::vector<double> out;
    const size_t n_kernel = (size_t) a.n_plane * a.n_channel;
    for (int image = 0; image < a.n_image; image++) {
        for (int pixel = 0; pixel < a.out_width * a.out_height; pixel++) {
            for (size_t o = 0; o < n_kernel; o++) {
                const size_t c = o / a.n_plane, kernel = o % a.n_plane * a.n_channel + c;
                double sum = a.bias[kernel];
                for (int i = 0; i < a.kernel_x * a.kernel_y; i++) {
                    const int y = pixel / a.out_width * a.stride - a.pad_y + i / a.kernel_x,
                              x = pixel % a.out_width * a.stride - a.pad_x + i % a.kernel_x;
                    if (y < 0 || y >= a.height || x < 0 || x >= a.width) continue;
                    const size_t at = (((size_t) image * a.height + y) * a.width + x) * a.n_channel + c;
                    sum += (double) a.x[at] * a.w[i * n_kernel + kernel];
                }
                out.push_back(apply(a.op, sum));
            }
        }
    }
    return out;
}

inline double try_depthwise(const kernel_table & k, int channels, int planes, int width, int height, int kernel_x,
                            int kernel_y, int stride) {
    depthwise_args a = {};
    a.n_image = 2;
    a.width = width;
    a.height = height;
    a.n_channel = channels;
    a.n_plane = planes;
    a.kernel_x = kernel_x;
    a.kernel_y = kernel_y;
    a.stride = stride;
    a.pad_x = kernel_x / 2;
    a.pad_y = kernel_y / 2;
    a.out_width = (width + 2 * a.pad_x - kernel_x) / stride + 1;
    a.out_height = (height + 2 * a.pad_y - kernel_y) / stride + 1;
    a.op = stride == 2 ? unary::gelu_erf : unary::none;
    const std::vector<float> x = random_floats((size_t) 2 * width * height * channels, 1),
                             w = random_floats((size_t) kernel_x * kernel_y * planes * channels, 2),
                             bias = random_floats((size_t) planes * channels, 3);
    const size_t n_out = (size_t) 2 * a.out_width * a.out_height * channels * planes;
    std::vector<float> got(n_out + 16, 5.0f), one(n_out, 0.0f);
    buffer scratch(k.depthwise_scratch_size(a, 3));
    a.x = x.data();
    a.w = w.data();
    a.bias = bias.data();
    a.scratch = scratch.data();
    a.dst = got.data();
    run_shares(3, [&](int i) { k.depthwise(a, i, 3); });
    a.dst = one.data();
    k.depthwise(a, 0, 1);
    const bool same = std::equal(one.begin(), one.end(), got.begin());
    expect(same && got[n_out] == 5.0f, std::string(k.name) + " depthwise: shares differ, or it wrote beyond its rows");
    return difference(one, depthwise_sums(a));
}

inline void test_depthwise(const kernel_table & k) {
    double worst = 0.0;
    for (const int channels : {1, 3, 8, 17, 64}) {
        for (const int stride : {1, 2, 3}) {
            for (const int side : {1, 3, 7}) {
                const double e = std::max({try_depthwise(k, channels, 1, 13, 9, side, side, stride),
                                           try_depthwise(k, channels, 2, 6, 5, side, side, stride),
                                           try_depthwise(k, channels, 3, 1, 2, side, side, stride)});
                expect(e < 2e-6, std::string(k.name) + " depthwise of " + std::to_string(channels) +
                                     " channels: " + std::to_string(e));
                worst = std::max(worst, e);
            }
        }
    }
    worst = std::max(worst, try_depthwise(k, 20, 1, 77, 1, 11, 1, 1));   // a row of tokens
    worst = std::max(worst, try_depthwise(k, 33, 1, 300, 40, 7, 7, 1));  // several bands
    expect(worst < 2e-6, std::string(k.name) + " depthwise: " + std::to_string(worst));
    std::printf("%-12s depthwise: worst difference %.1e\n", k.name, worst);
}

inline void test_gate(const kernel_table & k) {
    for (const int n : {1, 8, 19, 64}) {
        const std::vector<float> x = random_floats((size_t) n * 6, 1), gates = random_floats((size_t) n * 2, 2);
        for (const bool gated : {false, true}) {
            std::vector<float> got((size_t) n * 6 + 16, 5.0f);
            std::vector<double> want;
            for (int r = 0; r < 6; r++) {
                for (int i = 0; i < n; i++) {
                    const double gate = gated ? 1.0 / (1.0 + std::exp(-(double) gates[(size_t) (r / 3) * n + i])) : 1.0;
                    want.push_back(apply(unary::relu, x[(size_t) r * n + i] * gate));
                }
            }
            const gate_args a = {x.data(), 6, n, gated ? gates.data() : nullptr, 3, unary::relu, got.data()};
            run_shares(4, [&](int i) { k.gate(a, i, 4); });
            const double e = difference(got, want);
            expect(e < 1e-6 && got[(size_t) n * 6] == 5.0f, std::string(k.name) + " gate: " + std::to_string(e));
        }
    }
}

}  // namespace test
