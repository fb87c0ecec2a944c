// Tests of cpp/kernels without a framework: every level that this CPU runs against the scalar level, the scalar
// level against double precision. `kernels-test [level]` tests one level, `kernels-test --bench [level]` prints
// speed as JSON lines. Exits with 1 when anything failed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../../cpp/kernels/kernels.h"

using namespace ggclip::kernels;

namespace {

const weight_type all_types[] = {weight_type::f32,  weight_type::f16,  weight_type::bf16, weight_type::q8_0,
                                 weight_type::q5_0, weight_type::q5_1, weight_type::q4_0, weight_type::q4_1};
const cpu_level   all_levels[] = {cpu_level::scalar,      cpu_level::avx2,        cpu_level::avx_vnni,
                                  cpu_level::avx512_vnni, cpu_level::avx512_bf16, cpu_level::neon_dotprod,
                                  cpu_level::neon_i8mm};

const char * type_name(weight_type t) {
    static const char * const names[] = {"f32", "f16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1"};
    return names[(int)t];
}

bool is_quantized(weight_type t) { return (int)t >= (int)weight_type::q8_0; }

int n_failed = 0;

void expect(bool ok, const std::string & what) {
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
        return (uint32_t)(state >> 32);
    }
    float uniform() { return (float)(bits() >> 8) / 8388608.0f - 1.0f; }  // -1..1
    int   below(int n) { return (int)(bits() % (uint32_t)n); }
};

std::vector<float> random_floats(size_t n, uint64_t seed) {
    random_source      r(seed);
    std::vector<float> v(n);
    for (float & x : v) {
        x = r.uniform() + r.uniform();
    }
    return v;
}

// 64-byte aligned bytes.
struct buffer {
    std::vector<uint8_t> bytes;
    size_t               size;
    explicit buffer(size_t n) : bytes(n + 64), size(n) {}
    uint8_t * data() { return bytes.data() + (64 - (uintptr_t)bytes.data() % 64) % 64; }
};

uint16_t to_f16(float f) {  // normal range only, truncated
    uint32_t u;
    std::memcpy(&u, &f, 4);
    const int      exponent = (int)(u >> 23 & 255) - 112;
    const uint32_t sign = u >> 16 & 0x8000;
    return exponent <= 0 ? (uint16_t)sign : (uint16_t)(sign | (uint32_t)exponent << 10 | (u >> 13 & 1023));
}

double from_f16(uint16_t h) {
    const int    exponent = h >> 10 & 31;
    const double mantissa = h & 1023;
    const double v = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
    return h & 0x8000 ? -v : v;
}

uint16_t u16_at(const uint8_t * p) { return (uint16_t)(p[0] | p[1] << 8); }

struct matrix {
    weight_type          type;
    int                  n_out, n_in;
    size_t               row_bytes;
    std::vector<uint8_t> rows;
    std::vector<double>  values;  // dequantised
};

int block_bytes(weight_type t) {
    static const int sizes[] = {0, 0, 0, 34, 22, 24, 18, 20};
    return sizes[(int)t];
}

void dequantize_block(weight_type t, const uint8_t * b, double * out) {
    const double d = from_f16(u16_at(b));
    const bool   with_min = t == weight_type::q4_1 || t == weight_type::q5_1;
    const double m = with_min ? from_f16(u16_at(b + 2)) : 0.0;
    if (t == weight_type::q8_0) {
        for (int j = 0; j < 32; j++) {
            out[j] = d * (int8_t)b[2 + j];
        }
        return;
    }
    const bool      five = t == weight_type::q5_0 || t == weight_type::q5_1;
    const uint8_t * p = b + (with_min ? 4 : 2);
    uint32_t        high = 0;
    if (five) {
        std::memcpy(&high, p, 4);
        p += 4;
    }
    for (int j = 0; j < 32; j++) {
        int q = j < 16 ? p[j] & 15 : p[j - 16] >> 4;
        q += (int)(high >> j & 1) * 16;
        out[j] = with_min ? d * q + m : d * (q - (five ? 16 : 8));
    }
}

matrix random_matrix(weight_type type, int n_out, int n_in, uint64_t seed) {
    random_source r(seed);
    matrix        m = {type, n_out, n_in, 0, {}, std::vector<double>((size_t)n_out * n_in)};
    const int     value_bytes = type == weight_type::f32 ? 4 : 2;
    const size_t  used = is_quantized(type) ? (size_t)(n_in / 32) * block_bytes(type) : (size_t)n_in * value_bytes;
    m.row_bytes = used + 6;  // rows need not touch each other
    m.rows.resize(m.row_bytes * n_out);
    for (int o = 0; o < n_out; o++) {
        uint8_t * row = m.rows.data() + o * m.row_bytes;
        double *  values = m.values.data() + (size_t)o * n_in;
        if (is_quantized(type)) {
            for (int b = 0; b < n_in / 32; b++) {
                uint8_t * block = row + b * block_bytes(type);
                for (int i = 0; i < block_bytes(type); i++) {
                    block[i] = (uint8_t)r.bits();
                }
                const uint16_t d = to_f16(0.002f + 0.01f * std::fabs(r.uniform()));
                const uint16_t min = to_f16(-0.1f * std::fabs(r.uniform()));
                std::memcpy(block, &d, 2);
                if (type == weight_type::q4_1 || type == weight_type::q5_1) {
                    std::memcpy(block + 2, &min, 2);
                }
                dequantize_block(type, block, values + b * 32);
            }
            continue;
        }
        for (int i = 0; i < n_in; i++) {
            const float f = 0.1f * r.uniform();
            uint32_t    u;
            std::memcpy(&u, &f, 4);
            uint16_t h = (uint16_t)(u >> 16);
            if (type == weight_type::f32) {
                std::memcpy(row + i * 4, &f, 4);
                values[i] = f;
            } else if (type == weight_type::bf16) {
                const uint32_t wide = (uint32_t)h << 16;
                float          g;
                std::memcpy(&g, &wide, 4);
                std::memcpy(row + i * 2, &h, 2);
                values[i] = g;
            } else {
                h = i % 97 == 5 ? (uint16_t)(r.bits() & 0x83ff) : to_f16(f);  // some subnormals
                std::memcpy(row + i * 2, &h, 2);
                values[i] = from_f16(h);
            }
        }
    }
    return m;
}

double apply(unary op, double x) {
    switch (op) {
        case unary::quick_gelu:
            return x / (1.0 + std::exp(-1.702 * x));
        case unary::gelu_erf:
            return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
        case unary::gelu_tanh:
            return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
        default:
            return x;
    }
}

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

linear_data data_for(const linear_case & c) {
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

// Runs fn(ith) for all ith, in an order that would show a dependence between shares.
void run_shares(int nth, const std::function<void(int)> & fn) {
    for (int i = nth - 1; i >= 0; i--) {
        fn(i);
    }
}

std::vector<float> run_linear(const kernel_table & k, const linear_case & c, const linear_data & d, int nth,
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

double round_to_bf16(double x) {
    const float f = (float)x;
    uint32_t    u;
    std::memcpy(&u, &f, 4);
    u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000;
    float g;
    std::memcpy(&g, &u, 4);
    return g;
}

// The level's named exception: activations and 16-bit weights multiplied as bf16.
bool uses_bf16(const kernel_table & k, const linear_case & c) {
    return k.level == cpu_level::avx512_bf16 && c.scale == activation_scale::row &&
           (c.type == weight_type::f16 || c.type == weight_type::bf16);
}

std::vector<double> quantized_activations(const linear_case & c, const linear_data & d) {
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

std::vector<double> reference_linear(const linear_case & c, const linear_data & d, bool bf16) {
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

// Largest difference relative to the reference's root mean square.
template <class T>
double difference(const std::vector<float> & got, const std::vector<T> & want) {
    double square = 0.0, worst = 0.0;
    for (size_t i = 0; i < want.size(); i++) {
        square += (double)want[i] * want[i];
        const double e = std::fabs((double)got[i] - (double)want[i]);
        worst = e <= worst ? worst : e;  // keeps NaN
    }
    return worst / (std::sqrt(square / want.size()) + 1e-30);
}

std::vector<linear_case> linear_cases() {
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

void test_linear(const kernel_table & k) {
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
void test_determinism(const kernel_table & k) {
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

void test_unary(const kernel_table & k) {
    std::vector<float> x;
    for (float v = -12.0f; v < 12.0f; v += 0.001f) {
        x.push_back(v);
    }
    for (const float v : {-100.0f, -50.0f, -20.0f, 20.0f, 50.0f, 100.0f, 3e4f, -3e4f, 1e-20f, -1e-20f, 0.0f}) {
        x.push_back(v);
    }
    const int   n = (int)x.size();
    const float weight = 1.0f;
    buffer      w(k.packed_size(weight_type::f32, 1, 1)), act(k.activations_size(weight_type::f32, n, 1));
    k.pack(weight_type::f32, 1, 1, &weight, 4, w.data());
    k.pack_activations(weight_type::f32, activation_scale::block, x.data(), 1, n, 1, act.data(), 0, 1);
    for (const unary op : {unary::quick_gelu, unary::gelu_erf, unary::gelu_tanh}) {
        std::vector<float> y(n);
        k.linear({{weight_type::f32, 1, 1, w.data()},
                  act.data(),
                  n,
                  activation_scale::block,
                  nullptr,
                  op,
                  nullptr,
                  0,
                  y.data(),
                  1},
                 0, 1);
        double near = 0.0, far = 0.0;
        for (int i = 0; i < n; i++) {
            const double want = apply(op, x[i]);
            const double e = std::fabs(y[i] - want);
            near = std::max(near, std::fabs(x[i]) <= 5.0f ? e / (std::fabs(want) + 1e-30) : 0.0);
            far = std::max(far, e / (std::fabs(want) + 1e-4));
            expect(std::isfinite(y[i]), std::string(k.name) + " unary is not finite");
        }
        // gelu_tanh's exponent is 2.8 times larger than the others' at |x| = 5, and with it its rounding.
        expect(near < (op == unary::gelu_tanh ? 4e-6 : 1e-6) && far < 1e-6,
               std::string(k.name) + " unary " + std::to_string((int)op) + ": " + std::to_string(near * 1e6) + "e-6 " +
                   std::to_string(far * 1e6) + "e-6");
        std::printf("%-12s unary %d: relative error %.1e for |x| <= 5\n", k.name, (int)op, near);
    }
}

void test_layer_norm(const kernel_table & k) {
    double worst = 0.0;
    for (const int n : {1, 7, 8, 31, 32, 64, 96, 512, 768, 1000, 1024}) {
        const int          n_tokens = 9;
        const size_t       stride = n + 3;
        std::vector<float> x = random_floats(stride * n_tokens, n), weight = random_floats(n, 2),
                           bias = random_floats(n, 3);
        for (size_t i = 0; i < x.size(); i++) {
            x[i] = x[i] * 3.0f + 20.0f;
        }
        std::vector<float> got((size_t)n * n_tokens + 16, 5.0f), got_pack(got.size(), 5.0f);
        norm_args          args = {x.data(), stride, n_tokens, n, 1e-5f, weight.data(), bias.data(), got.data()};
        run_shares(4, [&](int i) { k.layer_norm(args, i, 4); });
        std::vector<double> want;
        for (int t = 0; t < n_tokens; t++) {
            double mean = 0.0, square = 0.0;
            for (int i = 0; i < n; i++) {
                mean += x[t * stride + i] / n;
            }
            for (int i = 0; i < n; i++) {
                square += (x[t * stride + i] - mean) * (x[t * stride + i] - mean) / n;
            }
            for (int i = 0; i < n; i++) {
                want.push_back((x[t * stride + i] - mean) / std::sqrt(square + 1e-5) * weight[i] + bias[i]);
            }
        }
        const double e = difference(got, want);
        worst = std::max(worst, e);
        expect(e < 2e-5, std::string(k.name) + " layer_norm " + std::to_string(n) + ": " + std::to_string(e));
        expect(got[(size_t)n * n_tokens] == 5.0f, std::string(k.name) + " layer_norm wrote beyond its rows");
        for (const weight_type type : all_types) {
            if (is_quantized(type) && n % 32) {
                continue;
            }
            for (const activation_scale scale : {activation_scale::block, activation_scale::row}) {
                const size_t size = k.activations_size(type, n_tokens, n);
                buffer       a(size), b(size), c(size);
                args.dst = got_pack.data();
                run_shares(3, [&](int i) { k.layer_norm_pack(type, scale, args, a.data(), i, 3); });
                args.dst = nullptr;
                k.layer_norm_pack(type, scale, args, b.data(), 0, 1);
                k.pack_activations(type, scale, got.data(), n, n_tokens, n, c.data(), 0, 1);
                expect(!std::memcmp(a.data(), b.data(), size) && got_pack == got,
                       std::string(k.name) + " layer_norm_pack");
                expect(!std::memcmp(a.data(), c.data(), size),
                       std::string(k.name) + " layer_norm_pack != pack " + type_name(type) + " " + std::to_string(n));
            }
        }
    }
    std::printf("%-12s layer_norm: worst difference %.1e\n", k.name, worst);
}

struct attention_case {
    std::vector<int> n_q, n_kv;
    int              n_head, d_head;
    bool             causal;
};

std::vector<float> run_attention(const kernel_table & k, const attention_case & c, int nth,
                                 std::vector<double> * want) {
    std::vector<int32_t> q_offset = {0}, kv_offset = {0};
    int                  max_kv = 0;
    for (size_t s = 0; s < c.n_q.size(); s++) {
        q_offset.push_back(q_offset.back() + c.n_q[s]);
        kv_offset.push_back(kv_offset.back() + c.n_kv[s]);
        max_kv = std::max(max_kv, c.n_kv[s]);
    }
    const int                n = c.n_head * c.d_head;
    const size_t             q_stride = n + 1, k_stride = 3 * n, v_stride = n + 7, dst_stride = n + 2;
    const std::vector<float> q = random_floats(q_stride * q_offset.back(), 1);
    std::vector<float>       key = random_floats(k_stride * kv_offset.back(), 2);
    const std::vector<float> value = random_floats(v_stride * kv_offset.back(), 3);
    for (float & x : key) {
        x *= 2.0f;
    }
    std::vector<float> dst(dst_stride * q_offset.back(), 5.0f);
    buffer             scratch(k.attention_scratch_size(max_kv, c.d_head, nth));
    std::memset(scratch.data(), 0xff, scratch.size);  // NaN: nothing may be read before it was written
    const attention_args args = {q.data(),   q_stride,   key.data(),      k_stride,         value.data(),      v_stride,
                                 dst.data(), dst_stride, q_offset.data(), kv_offset.data(), (int)c.n_q.size(), max_kv,
                                 c.n_head,   c.d_head,   c.causal,        scratch.data()};
    run_shares(nth, [&](int i) { k.attention(args, i, nth); });
    std::vector<float> out;
    for (int row = 0; row < q_offset.back(); row++) {
        out.insert(out.end(), dst.begin() + row * dst_stride, dst.begin() + row * dst_stride + n);
        expect(dst[row * dst_stride + n] == 5.0f, std::string(k.name) + " attention wrote beyond a row");
    }
    if (!want) {
        return out;
    }
    want->assign(out.size(), 0.0);
    for (size_t s = 0; s < c.n_q.size(); s++) {
        for (int i = 0; i < c.n_q[s]; i++) {
            for (int h = 0; h < c.n_head; h++) {
                const int           seen = c.causal ? std::min(i + 1, c.n_kv[s]) : c.n_kv[s];
                std::vector<double> p(seen);
                double              top = -1e300, sum = 0.0;
                for (int j = 0; j < seen; j++) {
                    for (int e = 0; e < c.d_head; e++) {
                        p[j] += (double)q[(q_offset[s] + i) * q_stride + h * c.d_head + e] *
                                key[(kv_offset[s] + j) * k_stride + h * c.d_head + e];
                    }
                    p[j] /= std::sqrt((double)c.d_head);
                    top = std::max(top, p[j]);
                }
                for (double & v : p) {
                    v = std::exp(v - top);
                    sum += v;
                }
                for (int j = 0; j < seen; j++) {
                    for (int e = 0; e < c.d_head; e++) {
                        (*want)[(size_t)(q_offset[s] + i) * n + h * c.d_head + e] +=
                            p[j] / sum * value[(kv_offset[s] + j) * v_stride + h * c.d_head + e];
                    }
                }
            }
        }
    }
    return out;
}

void test_attention(const kernel_table & k) {
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
        {{7}, {31}, 1, 1, false},
        {{3}, {1025}, 1, 33, false},
        {{4, 0, 6}, {4, 3, 0}, 2, 16, false},
    };
    double worst = 0.0;
    for (const attention_case & c : cases) {
        std::vector<double>      want;
        const std::vector<float> got = run_attention(k, c, 1, &want);
        const double             e = difference(got, want);
        worst = std::max(worst, e);
        expect(e < 2e-5,
               std::string(k.name) + " attention d_head " + std::to_string(c.d_head) + ": " + std::to_string(e));
        for (const int nth : {2, 3, 4, 50}) {
            expect(run_attention(k, c, nth, nullptr) == got, std::string(k.name) + " attention nth");
        }
    }
    std::printf("%-12s attention: worst difference %.1e\n", k.name, worst);
}

void test_names() {
    for (const cpu_level level : all_levels) {
        cpu_level parsed = cpu_level::scalar;
        expect(parse_level(level_name(level), &parsed) && parsed == level, "level names");
        const kernel_table * k = kernels_for(level);
        expect(!k || (k->level == level && !std::strcmp(k->name, level_name(level))), "kernel table names its level");
    }
    cpu_level none;
    expect(!parse_level("fast", &none), "parse_level of an unknown name");
    expect(kernels_for(best_level()) != nullptr, "best_level is there");
    std::printf("%-12s best level here: %s\n", "names", level_name(best_level()));
}

// Best processor time of several runs, in seconds: on a busy machine it says more than the clock on the wall.
double best_time(const std::function<void()> & fn) {
    double best = 1e9, total = 0.0;
    for (int i = 0; i < 1000 && (i < 5 || total < 0.3); i++) {
        const std::clock_t t = std::clock();
        fn();
        const double s = (double)(std::clock() - t) / CLOCKS_PER_SEC;
        best = std::min(best, std::max(s, 1e-7));
        total += s;
    }
    return best;
}

void bench_linear(const kernel_table & k) {
    const int shapes[][3] = {{1, 768, 3072},  {8, 512, 2048},  {50, 768, 768},   {50, 768, 3072},
                             {50, 3072, 768}, {400, 768, 768}, {400, 768, 3072}, {400, 3072, 768}};
    for (const weight_type type : all_types) {
        for (const activation_scale scale : {activation_scale::block, activation_scale::row}) {
            if (scale == activation_scale::row && !is_quantized(type) && k.level != cpu_level::avx512_bf16) {
                continue;
            }
            for (const auto & s : shapes) {
                const int          n = s[0], n_in = s[1], n_out = s[2];
                const matrix       m = random_matrix(type, n_out, n_in, 1);
                std::vector<float> x = random_floats((size_t)n * n_in, 2), dst((size_t)n * n_out), bias(n_out);
                buffer             w(k.packed_size(type, n_out, n_in)), act(k.activations_size(type, n, n_in));
                k.pack(type, n_out, n_in, m.rows.data(), m.row_bytes, w.data());
                const double pack_s =
                    best_time([&] { k.pack_activations(type, scale, x.data(), n_in, n, n_in, act.data(), 0, 1); });
                const linear_args args = {{type, n_out, n_in, w.data()},
                                          act.data(),
                                          n,
                                          scale,
                                          bias.data(),
                                          unary::none,
                                          nullptr,
                                          0,
                                          dst.data(),
                                          (size_t)n_out};
                const double      s_linear = best_time([&] { k.linear(args, 0, 1); });
                const double      gop = 2e-9 * n * n_in * n_out;
                std::printf(
                    "{\"level\":\"%s\",\"op\":\"linear\",\"type\":\"%s\",\"scale\":\"%s\",\"n_tokens\":%d,"
                    "\"n_in\":%d,\"n_out\":%d,\"gops\":%.1f,\"gbytes_s\":%.1f,\"pack_share\":%.3f}\n",
                    k.name, type_name(type), scale == activation_scale::row ? "row" : "block", n, n_in, n_out,
                    gop / s_linear, 1e-9 * w.size / s_linear, pack_s / s_linear);
                std::fflush(stdout);
            }
        }
    }
}

void bench_other(const kernel_table & k) {
    for (const int n : {50, 197, 577}) {
        const int                  n_head = 12, d_head = 64, width = n_head * d_head;
        const std::vector<float>   qkv = random_floats((size_t)n * width * 3, 1);
        std::vector<float>         dst((size_t)n * width);
        const std::vector<int32_t> offset = {0, n};
        buffer                     scratch(k.attention_scratch_size(n, d_head, 1));
        const attention_args       args = {qkv.data(),
                                           (size_t)width * 3,
                                           qkv.data() + width,
                                           (size_t)width * 3,
                                           qkv.data() + 2 * width,
                                           (size_t)width * 3,
                                           dst.data(),
                                           (size_t)width,
                                           offset.data(),
                                           offset.data(),
                                           1,
                                           n,
                                           n_head,
                                           d_head,
                                           false,
                                           scratch.data()};
        const double               t = best_time([&] { k.attention(args, 0, 1); });
        std::printf("{\"level\":\"%s\",\"op\":\"attention\",\"n\":%d,\"us\":%.1f,\"gflops\":%.1f}\n", k.name, n,
                    t * 1e6, 4e-9 * n * n * width / t);
    }
    const int          n_tokens = 50, n = 768;
    std::vector<float> x = random_floats(n_tokens * n, 1), w(n, 1.0f), b(n), dst(n_tokens * n);
    buffer             act(k.activations_size(weight_type::q8_0, n_tokens, n));
    const norm_args    norm = {x.data(), (size_t)n, n_tokens, n, 1e-5f, w.data(), b.data(), dst.data()};
    std::printf("{\"level\":\"%s\",\"op\":\"layer_norm\",\"n_tokens\":50,\"n\":768,\"us\":%.1f}\n", k.name,
                1e6 * best_time([&] { k.layer_norm(norm, 0, 1); }));
    norm_args no_dst = norm;
    no_dst.dst = nullptr;
    std::printf("{\"level\":\"%s\",\"op\":\"layer_norm_pack\",\"n_tokens\":50,\"n\":768,\"us\":%.1f}\n", k.name,
                1e6 * best_time([&] {
                    k.layer_norm_pack(weight_type::q8_0, activation_scale::block, no_dst, act.data(), 0, 1);
                }));
    for (const unary op : {unary::none, unary::quick_gelu, unary::gelu_erf, unary::gelu_tanh}) {
        const int          n_out = 3072;
        std::vector<float> out((size_t)n_tokens * n_out), one(n_tokens * 1), weight(n_out, 1.0f);
        buffer pw(k.packed_size(weight_type::f32, n_out, 1)), pa(k.activations_size(weight_type::f32, n_tokens, 1));
        k.pack(weight_type::f32, n_out, 1, weight.data(), 4, pw.data());
        k.pack_activations(weight_type::f32, activation_scale::block, one.data(), 1, n_tokens, 1, pa.data(), 0, 1);
        const linear_args args = {{weight_type::f32, n_out, 1, pw.data()},
                                  pa.data(),
                                  n_tokens,
                                  activation_scale::block,
                                  nullptr,
                                  op,
                                  nullptr,
                                  0,
                                  out.data(),
                                  (size_t)n_out};
        std::printf("{\"level\":\"%s\",\"op\":\"epilogue\",\"unary\":%d,\"n_tokens\":50,\"n_out\":3072,\"us\":%.1f}\n",
                    k.name, (int)op, 1e6 * best_time([&] { k.linear(args, 0, 1); }));
    }
    for (const weight_type type : all_types) {
        const matrix m = random_matrix(type, 768, 3072, 1);
        buffer       packed(k.packed_size(type, 768, 3072));
        const double t = best_time([&] { k.pack(type, 768, 3072, m.rows.data(), m.row_bytes, packed.data()); });
        std::printf("{\"level\":\"%s\",\"op\":\"pack\",\"type\":\"%s\",\"gweights_s\":%.2f}\n", k.name, type_name(type),
                    768e-9 * 3072 / t);
    }
}

}  // namespace

int main(int argc, char ** argv) {
    bool         bench = false;
    const char * only = nullptr;
    for (int i = 1; i < argc; i++) {
        if (!std::strcmp(argv[i], "--bench")) {
            bench = true;
        } else {
            only = argv[i];
        }
    }
    if (!bench) {
        test_names();
    }
    for (const cpu_level level : all_levels) {
        const kernel_table * k = kernels_for(level);
        if (!k || (only && std::strcmp(only, k->name))) {
            continue;
        }
        if (bench) {
            bench_other(*k);
            bench_linear(*k);
            continue;
        }
        test_linear(*k);
        test_determinism(*k);
        test_unary(*k);
        test_layer_norm(*k);
        test_attention(*k);
    }
    std::printf(n_failed ? "%d checks failed\n" : "all passed\n", n_failed);
    return n_failed ? 1 : 0;
}
