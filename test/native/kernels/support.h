// Shared by all parts of kernels-test.cpp: types and levels, random numbers, comparison.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "../check.h"
#include "kernels/kernels.h"

namespace test {

using namespace ggclip::kernels;

inline const weight_type all_types[] = {weight_type::f32,  weight_type::f16,  weight_type::bf16,
                                        weight_type::q8_0, weight_type::q5_0, weight_type::q5_1,
                                        weight_type::q4_0, weight_type::q4_1, weight_type::i8};

inline const char * type_name(weight_type t) {
    static const char * const names[] = {"f32", "f16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "i8"};
    return names[(int) t];
}

// Whether the plain matrix is in blocks of 32.
inline bool is_quantized(weight_type t) { return ggclip::kernels::in_blocks(t); }

inline void expect(bool ok, const std::string & what) {
    if (!ok) {
        n_failed++;
        std::printf("FAIL %s\n", what.c_str());
    }
}

struct random_source {
    uint64_t state;
    explicit random_source(uint64_t seed) : state(seed * 2654435761u + 1) {}
    uint32_t bits() {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return (uint32_t) (state >> 32);
    }
    float uniform() { return (float) (bits() >> 8) / 8388608.0f - 1.0f; }  // -1..1
    int below(int n) { return (int) (bits() % (uint32_t) n); }
};

inline std::vector<float> random_floats(size_t n, uint64_t seed) {
    random_source r(seed);
    std::vector<float> v(n);
    for (float & x : v) x = r.uniform() + r.uniform();
    return v;
}

// 64-byte aligned bytes.
struct buffer {
    std::vector<uint8_t> bytes;
    size_t size;
    explicit buffer(size_t n) : bytes(n + 64), size(n) {}
    uint8_t * data() { return bytes.data() + (64 - (uintptr_t) bytes.data() % 64) % 64; }
};

inline double apply(unary op, double x) {
    switch (op) {
        case unary::quick_gelu: return x / (1.0 + std::exp(-1.702 * x));
        case unary::gelu_erf: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        case unary::gelu_tanh: return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
        case unary::silu: return x / (1.0 + std::exp(-x));
        case unary::relu: return std::max(x, 0.0);
        case unary::tanh: return std::tanh(x);
        default: return x;
    }
}

// Runs fn(ith) for all ith, in an order that exposes dependences between shares.
inline void run_shares(int nth, const std::function<void(int)> & fn) {
    for (int i = nth - 1; i >= 0; i--) fn(i);
}

// Largest difference, relative to the reference's root mean square.
template <class T>
double difference(const std::vector<float> & got, const std::vector<T> & want) {
    double square = 0.0, worst = 0.0;
    for (size_t i = 0; i < want.size(); i++) {
        square += (double) want[i] * want[i];
        const double e = std::fabs((double) got[i] - (double) want[i]);
        worst = e <= worst ? worst : e;  // keeps NaN
    }
    return worst / (std::sqrt(square / want.size()) + 1e-30);
}

// Root mean square of the differences, relative to the reference's.
template <class T>
double mean_difference(const std::vector<float> & got, const std::vector<T> & want) {
    double square = 0.0, lost = 0.0;
    for (size_t i = 0; i < want.size(); i++) {
        square += (double) want[i] * want[i];
        lost += ((double) got[i] - (double) want[i]) * ((double) got[i] - (double) want[i]);
    }
    return std::sqrt(lost / (square + 1e-300));
}

// Levels that multiply 16-bit words (tile-i16.h), or these as pairs of bytes.
inline bool multiplies_words(const kernel_table & k) {
    switch (k.level) {
        case cpu_level::sse41:
        case cpu_level::avx2:
        case cpu_level::avx_vnni:
        case cpu_level::avx512_vnni:
        case cpu_level::amx: return true;
        default: return false;
    }
}

// Levels whose attention does so where it may: those with an instruction for it.
inline bool rounds_attention(const kernel_table & k) {
#if defined(GGCLIP_TWIN_OVER_AVX2)
    if (k.level == cpu_level::amx) return false;
#endif
    return multiplies_words(k) && k.level != cpu_level::sse41 && k.level != cpu_level::avx2;
}

}  // namespace test
