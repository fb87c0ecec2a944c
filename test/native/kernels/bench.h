// Benchmarks, printed as JSON lines.
#pragma once

#include <algorithm>
#include <ctime>

#include "weights.h"

namespace test {

// Best CPU time of several runs, in seconds: on a busy machine more reliable than wall time.
inline double best_time(const std::function<void()> & fn) {
    double best = 1e9, total = 0.0;
    for (int i = 0; i < 1000 && (i < 5 || total < 0.3); i++) {
        const std::clock_t t = std::clock();
        fn();
        const double s = (double) (std::clock() - t) / CLOCKS_PER_SEC;
        best = std::min(best, std::max(s, 1e-7));
        total += s;
    }
    return best;
}

inline void bench_linear(const kernel_table & k) {
    const int shapes[][3] = {{1, 768, 3072},  {8, 512, 2048},  {50, 768, 768},   {50, 768, 3072},
                             {50, 3072, 768}, {400, 768, 768}, {400, 768, 3072}, {400, 3072, 768}};
    for (const weight_type type : all_types) {
        {
            for (const auto & s : shapes) {
                const int n = s[0], n_in = s[1], n_out = s[2];
                const matrix m = random_matrix(type, n_out, n_in, 1);
                std::vector<float> x = random_floats((size_t) n * n_in, 2), dst((size_t) n * n_out), bias(n_out);
                buffer w(k.packed_size(type, n_out, n_in)), act(k.activations_size(type, n, n_in));
                k.pack(type, n_out, n_in, m.rows.data(), m.row_bytes, w.data());
                const double pack_s =
                    best_time([&] { k.pack_activations(type, x.data(), n_in, n, n_in, act.data(), 0, 1); });
                const linear_args args = {{type, n_out, n_in, w.data()},
                                          act.data(),
                                          n,
                                          bias.data(),
                                          unary::none,
                                          nullptr,
                                          0,
                                          dst.data(),
                                          (size_t) n_out};
                const double s_linear = best_time([&] { k.linear(args, 0, 1); });
                const double gop = 2e-9 * n * n_in * n_out;
                std::printf(
                    "{\"level\":\"%s\",\"op\":\"linear\",\"type\":\"%s\",\"n_tokens\":%d,"
                    "\"n_in\":%d,\"n_out\":%d,\"gops\":%.1f,\"gbytes_s\":%.1f,\"pack_share\":%.3f}\n",
                    k.name, type_name(type), n, n_in, n_out, gop / s_linear, 1e-9 * w.size / s_linear,
                    pack_s / s_linear);
                std::fflush(stdout);
            }
        }
    }
}

// One layer of `n` tokens x 768 inputs x 256 outputs, `times` times: for programs that count instructions, where the
// difference of two numbers of times leaves out everything else.
inline void repeat_linear(const kernel_table & k, weight_type type, int n, int times) {
    constexpr int n_in = 768, n_out = 256;
    const matrix m = random_matrix(type, n_out, n_in, 1);
    std::vector<float> x = random_floats((size_t) n * n_in, 2), dst((size_t) n * n_out);
    buffer w(k.packed_size(type, n_out, n_in)), act(k.activations_size(type, n, n_in));
    k.pack(type, n_out, n_in, m.rows.data(), m.row_bytes, w.data());
    const linear_args args = {
        {type, n_out, n_in, w.data()}, act.data(), n, nullptr, unary::none, nullptr, 0, dst.data(), (size_t) n_out};
    for (int i = 0; i < times; i++) {
        k.pack_activations(type, x.data(), n_in, n, n_in, act.data(), 0, 1);
        k.linear(args, 0, 1);
    }
}

inline void bench_other(const kernel_table & k) {
    for (const int n : {50, 197, 577}) {
        const int n_head = 12, d_head = 64, width = n_head * d_head;
        const std::vector<float> qkv = random_floats((size_t) n * width * 3, 1);
        std::vector<float> dst((size_t) n * width);
        const std::vector<int32_t> offset = {0, n};
        buffer scratch(k.attention_scratch_size(n, d_head, 1));
        attention_args args = {qkv.data(),
                               (size_t) width * 3,
                               qkv.data() + width,
                               (size_t) width * 3,
                               qkv.data() + 2 * width,
                               (size_t) width * 3,
                               dst.data(),
                               (size_t) width,
                               offset.data(),
                               offset.data(),
                               1,
                               n,
                               n_head,
                               d_head,
                               false,
                               scratch.data(),
                               nullptr,
                               nullptr,
                               nullptr,
                               nullptr,
                               0,
                               false,
                               false};
        for (const bool rounds : {false, true}) {
            args.rounds = rounds;
            const double t = best_time([&] { k.attention(args, 0, 1); });
            std::printf("{\"level\":\"%s\",\"op\":\"attention\",\"rounds\":%d,\"n\":%d,\"us\":%.1f,\"gflops\":%.1f}\n",
                        k.name, rounds, n, t * 1e6, 4e-9 * n * n * width / t);
        }
    }
    const int n_tokens = 50, n = 768;
    std::vector<float> x = random_floats(n_tokens * n, 1), w(n, 1.0f), b(n), dst(n_tokens * n);
    buffer act(k.activations_size(weight_type::q8_0, n_tokens, n));
    const norm_args norm = {x.data(), (size_t) n, n_tokens, n, 1e-5f, w.data(), b.data(), dst.data()};
    std::printf("{\"level\":\"%s\",\"op\":\"layer_norm\",\"n_tokens\":50,\"n\":768,\"us\":%.1f}\n", k.name,
                1e6 * best_time([&] { k.layer_norm(norm, 0, 1); }));
    norm_args no_dst = norm;
    no_dst.dst = nullptr;
    std::printf("{\"level\":\"%s\",\"op\":\"layer_norm_pack\",\"n_tokens\":50,\"n\":768,\"us\":%.1f}\n", k.name,
                1e6 * best_time([&] { k.layer_norm_pack(weight_type::q8_0, no_dst, act.data(), 0, 1); }));
    for (const unary op : {unary::none, unary::quick_gelu, unary::gelu_erf, unary::gelu_tanh, unary::relu}) {
        const int n_out = 3072;
        std::vector<float> out((size_t) n_tokens * n_out), one(n_tokens * 1), weight(n_out, 1.0f);
        buffer pw(k.packed_size(weight_type::f32, n_out, 1)), pa(k.activations_size(weight_type::f32, n_tokens, 1));
        k.pack(weight_type::f32, n_out, 1, weight.data(), 4, pw.data());
        k.pack_activations(weight_type::f32, one.data(), 1, n_tokens, 1, pa.data(), 0, 1);
        const linear_args args = {{weight_type::f32, n_out, 1, pw.data()},
                                  pa.data(),
                                  n_tokens,
                                  nullptr,
                                  op,
                                  nullptr,
                                  0,
                                  out.data(),
                                  (size_t) n_out};
        std::printf("{\"level\":\"%s\",\"op\":\"epilogue\",\"unary\":%d,\"n_tokens\":50,\"n_out\":3072,\"us\":%.1f}\n",
                    k.name, (int) op, 1e6 * best_time([&] { k.linear(args, 0, 1); }));
    }
    for (const weight_type type : all_types) {
        const matrix m = random_matrix(type, 768, 3072, 1);
        buffer packed(k.packed_size(type, 768, 3072));
        const double t = best_time([&] { k.pack(type, 768, 3072, m.rows.data(), m.row_bytes, packed.data()); });
        std::printf("{\"level\":\"%s\",\"op\":\"pack\",\"type\":\"%s\",\"gweights_s\":%.2f}\n", k.name, type_name(type),
                    768e-9 * 3072 / t);
    }
}

}  // namespace test
