// Layer norm, alone and with its result packed for a linear layer.
#pragma once

#include <algorithm>
#include <cstring>

#include "support.h"

namespace test {

// `rms`: RMSNorm, without bias.
inline void test_layer_norm(const kernel_table & k, bool rms) {
    double worst = 0.0;
    for (const int n : {1, 7, 8, 31, 32, 64, 96, 512, 768, 1000, 1024}) {
        const int n_tokens = 9;
        const size_t stride = n + 3;
        std::vector<float> x = random_floats(stride * n_tokens, n), weight = random_floats(n, 2),
                           bias = random_floats(n, 3);
        for (size_t i = 0; i < x.size(); i++) x[i] = x[i] * 3.0f + 20.0f;
        std::vector<float> got((size_t) n * n_tokens + 16, 5.0f), got_pack(got.size(), 5.0f);
        norm_args args = {x.data(),   stride, n_tokens, n, 1e-5f, weight.data(), rms ? nullptr : bias.data(),
                          got.data(), rms};
        run_shares(4, [&](int i) { k.layer_norm(args, i, 4); });
        std::vector<double> want;
        for (int t = 0; t < n_tokens; t++) {
            double mean = 0.0, square = 0.0;
            for (int i = 0; i < n && !rms; i++) mean += x[t * stride + i] / n;
            for (int i = 0; i < n; i++) square += (x[t * stride + i] - mean) * (x[t * stride + i] - mean) / n;
            for (int i = 0; i < n; i++)
                want.push_back((x[t * stride + i] - mean) / std::sqrt(square + 1e-5) * weight[i] + (rms ? 0 : bias[i]));
        }
        const double e = difference(got, want);
        worst = std::max(worst, e);
        expect(e < 2e-5, std::string(k.name) + " layer_norm " + std::to_string(n) + ": " + std::to_string(e));
        expect(got[(size_t) n * n_tokens] == 5.0f, std::string(k.name) + " layer_norm wrote beyond its rows");
        for (const weight_type type : all_types) {
            if (is_quantized(type) && n % 32) continue;
            {
                const size_t size = k.activations_size(type, n_tokens, n);
                buffer a(size), b(size), c(size);
                args.dst = got_pack.data();
                run_shares(3, [&](int i) { k.layer_norm_pack(type, args, a.data(), i, 3); });
                args.dst = nullptr;
                k.layer_norm_pack(type, args, b.data(), 0, 1);
                k.pack_activations(type, got.data(), n, n_tokens, n, c.data(), 0, 1);
                expect(!std::memcmp(a.data(), b.data(), size) && got_pack == got,
                       std::string(k.name) + " layer_norm_pack");
                expect(!std::memcmp(a.data(), c.data(), size),
                       std::string(k.name) + " layer_norm_pack != pack " + type_name(type) + " " + std::to_string(n));
            }
        }
    }
    std::printf("%-12s %s_norm: worst difference %.1e\n", k.name, rms ? "rms" : "layer", worst);
}

}  // namespace test
