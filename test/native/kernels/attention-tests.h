// Attention over batches of sequences of any length.
#pragma once

#include <algorithm>
#include <cstring>

#include "support.h"

namespace test {

struct attention_case {
    std::vector<int> n_q, n_kv;
    int n_head, d_head;
    bool causal;
    int n_hidden = 0;      // rows after a sequence's keys that no query sees
    bool alibi = false;    // scores lose a part of the distance of positions that have gaps
    int max_distance = 0;  // > 0: unscaled scores with a bias by that distance
};

// Replaces one value of a query (0), key (1) or value (2).
struct attention_change {
    int which, row, column;
    float value;
};

inline std::vector<float> run_attention(const kernel_table & k, const attention_case & c, int nth,
                                        std::vector<double> * want, const attention_change * change = nullptr,
                                        bool rounds = false) {
    std::vector<int32_t> q_offset = {0}, kv_offset = {0};
    int max_kv = 0;
    for (size_t s = 0; s < c.n_q.size(); s++) {
        q_offset.push_back(q_offset.back() + c.n_q[s]);
        kv_offset.push_back(kv_offset.back() + c.n_kv[s] + c.n_hidden);
        max_kv = std::max(max_kv, c.n_kv[s]);
    }
    const int n = c.n_head * c.d_head;
    const size_t q_stride = n + 1, k_stride = 3 * n, v_stride = n + 7, dst_stride = n + 2;
    std::vector<float> q = random_floats(q_stride * q_offset.back(), 1);
    std::vector<float> key = random_floats(k_stride * kv_offset.back(), 2);
    std::vector<float> value = random_floats(v_stride * kv_offset.back(), 3);
    for (float & x : key) x *= 2.0f;
    if (change) {
        std::vector<float> & changed = change->which == 0 ? q : change->which == 1 ? key : value;
        changed[change->row * (change->which == 0   ? q_stride
                               : change->which == 1 ? k_stride
                                                    : v_stride) +
                change->column] = change->value;
    }
    std::vector<float> dst(dst_stride * q_offset.back(), 5.0f);
    buffer scratch(k.attention_scratch_size(max_kv, c.d_head, nth));
    std::vector<float> slopes;
    for (int h = 0; h < c.n_head; h++) slopes.push_back(0.3f / (float) (h + 1));
    const int n_distance = 2 * c.max_distance + 1;
    const std::vector<float> bias = random_floats((size_t) n_distance * c.n_head, 4);
    std::vector<int32_t> positions;
    for (int row = 0; row < kv_offset.back(); row++) positions.push_back(row + row / 3);
    std::memset(scratch.data(), 0xff, scratch.size);  // NaN: catches reads of unwritten memory
    const attention_args args = {q.data(),
                                 q_stride,
                                 key.data(),
                                 k_stride,
                                 value.data(),
                                 v_stride,
                                 dst.data(),
                                 dst_stride,
                                 q_offset.data(),
                                 kv_offset.data(),
                                 (int) c.n_q.size(),
                                 max_kv,
                                 c.n_head,
                                 c.d_head,
                                 c.causal,
                                 scratch.data(),
                                 c.n_hidden > 0 ? c.n_kv.data() : nullptr,
                                 c.alibi ? slopes.data() : nullptr,
                                 positions.data(),
                                 c.max_distance > 0 ? bias.data() : nullptr,
                                 c.max_distance,
                                 c.max_distance > 0,
                                 rounds};
    run_shares(nth, [&](int i) { k.attention(args, i, nth); });
    std::vector<float> out;
    for (int row = 0; row < q_offset.back(); row++) {
        out.insert(out.end(), dst.begin() + row * dst_stride, dst.begin() + row * dst_stride + n);
        expect(dst[row * dst_stride + n] == 5.0f, std::string(k.name) + " attention wrote beyond a row");
    }
    if (!want) return out;
    want->assign(out.size(), 0.0);
    for (size_t s = 0; s < c.n_q.size(); s++) {
        for (int i = 0; i < c.n_q[s]; i++) {
            for (int h = 0; h < c.n_head; h++) {
                const int seen = c.causal ? std::min(i + 1, c.n_kv[s]) : c.n_kv[s];
                std::vector<double> p(seen);
                double top = -1e300, sum = 0.0;
                for (int j = 0; j < seen; j++) {
                    for (int e = 0; e < c.d_head; e++) {
                        p[j] += (double) q[(q_offset[s] + i) * q_stride + h * c.d_head + e] *
                                key[(kv_offset[s] + j) * k_stride + h * c.d_head + e];
                    }
                    if (c.max_distance > 0) {
                        const int distance = positions[kv_offset[s] + j] - positions[kv_offset[s] + i];
                        p[j] += bias[h * n_distance + c.max_distance +
                                     std::clamp(distance, -c.max_distance, c.max_distance)];
                    } else {
                        p[j] /= std::sqrt((double) c.d_head);
                    }
                    if (c.alibi)
                        p[j] -= (double) slopes[h] * std::abs(positions[q_offset[s] + i] - positions[kv_offset[s] + j]);
                    top = std::max(top, p[j]);
                }
                for (double & v : p) {
                    v = std::exp(v - top);
                    sum += v;
                }
                for (int j = 0; j < seen; j++) {
                    for (int e = 0; e < c.d_head; e++) {
                        (*want)[(size_t) (q_offset[s] + i) * n + h * c.d_head + e] +=
                            p[j] / sum * value[(kv_offset[s] + j) * v_stride + h * c.d_head + e];
                    }
                }
            }
        }
    }
    return out;
}

// Words of 13 bits err by 2e-4 to 7e-4 of these results (root mean square).
inline void test_rounded_attention(const kernel_table & k, const attention_case * cases, size_t n) {
    double worst = 0.0;
    for (size_t i = 0; i < n; i++) {
        std::vector<double> want;
        const std::vector<float> got = run_attention(k, cases[i], 1, &want, nullptr, true);
        const double e = mean_difference(got, want);
        worst = std::max(worst, e);
        expect(e < (rounds_attention(k) ? 1e-3 : 2e-6), std::string(k.name) + " attention in words, d_head " +
                                                            std::to_string(cases[i].d_head) + ": " + std::to_string(e));
        for (const int nth : {2, 3, 50})
            expect(run_attention(k, cases[i], nth, nullptr, nullptr, true) == got,
                   std::string(k.name) + " attention in words, nth");
    }
    expect((worst > 1e-4) == rounds_attention(k), std::string(k.name) + " attention uses words");
    std::printf("%-12s attention in words: largest mean difference %.1e\n", k.name, worst);
}

inline void test_attention(const kernel_table & k) {
    const attention_case cases[] = {
        {{50, 50, 50}, {50, 50, 50}, 3, 64, false},
        {{8, 1, 77, 12, 2}, {8, 1, 77, 12, 2}, 2, 64, true},
        {{197}, {197}, 2, 32, false},
        {{257}, {257}, 1, 88, true},
        {{1, 1}, {50, 33}, 4, 64, false},
        {{5, 30}, {17, 16}, 2, 80, false},
        {{16, 25}, {16, 25}, 2, 72, true},
        {{577}, {577}, 1, 104, false},
        {{9, 3}, {9, 3}, 3, 17, true},
        {{9, 20, 2}, {8, 19, 1}, 2, 32, true, 1},
        {{1, 1}, {33, 8}, 2, 64, false, 2},
        {{7}, {31}, 1, 1, false},
        {{3}, {1025}, 1, 33, false},
        {{4, 0, 6}, {4, 3, 0}, 2, 16, false},
        {{9, 1, 40}, {9, 1, 40}, 3, 32, false, 0, true},
        {{21, 18}, {21, 18}, 2, 24, true, 0, true},
        {{9, 1, 70}, {9, 1, 70}, 3, 8, false, 0, false, 20},
        {{21, 18}, {21, 18}, 2, 16, true, 0, true, 7},
        {{200, 65}, {200, 65}, 2, 64, false, 3, true},
        {{32, 70}, {32, 70}, 2, 72, false, 0, false, 9},
    };
    double worst = 0.0;
    for (const attention_case & c : cases) {
        std::vector<double> want;
        const std::vector<float> got = run_attention(k, c, 1, &want);
        const double e = difference(got, want);
        worst = std::max(worst, e);
        expect(e < 2e-5,
               std::string(k.name) + " attention d_head " + std::to_string(c.d_head) + ": " + std::to_string(e));
        for (const int nth : {2, 3, 4, 50})
            expect(run_attention(k, c, nth, nullptr) == got, std::string(k.name) + " attention nth");
    }
    std::printf("%-12s attention: worst difference %.1e\n", k.name, worst);
    test_rounded_attention(k, cases, sizeof(cases) / sizeof(cases[0]));
}

}  // namespace test
