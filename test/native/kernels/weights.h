// Random weight matrices of every type, with their values in double precision.
#pragma once

#include <cmath>
#include <cstring>

#include "support.h"

namespace test {

inline uint16_t to_f16(float f) {  // normal range only, truncated
    uint32_t u;
    std::memcpy(&u, &f, 4);
    const int exponent = (int) (u >> 23 & 255) - 112;
    const uint32_t sign = u >> 16 & 0x8000;
    return exponent <= 0 ? (uint16_t) sign : (uint16_t) (sign | (uint32_t) exponent << 10 | (u >> 13 & 1023));
}

inline double from_f16(uint16_t h) {
    const int exponent = h >> 10 & 31;
    const double mantissa = h & 1023;
    const double v = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
    return h & 0x8000 ? -v : v;
}

inline uint16_t u16_at(const uint8_t * p) { return (uint16_t) (p[0] | p[1] << 8); }

struct matrix {
    weight_type type;
    int n_out, n_in;
    size_t row_bytes;
    std::vector<uint8_t> rows;
    std::vector<double> values;  // dequantised
};

inline int block_bytes(weight_type t) {
    static const int sizes[] = {0, 0, 0, 34, 22, 24, 18, 20};
    return sizes[(int) t];
}

inline void dequantize_block(weight_type t, const uint8_t * b, double * out) {
    const double d = from_f16(u16_at(b));
    const bool with_min = t == weight_type::q4_1 || t == weight_type::q5_1;
    const double m = with_min ? from_f16(u16_at(b + 2)) : 0.0;
    if (t == weight_type::q8_0) {
        for (int j = 0; j < 32; j++) out[j] = d * (int8_t) b[2 + j];
        return;
    }
    const bool five = t == weight_type::q5_0 || t == weight_type::q5_1;
    const uint8_t * p = b + (with_min ? 4 : 2);
    uint32_t high = 0;
    if (five) {
        std::memcpy(&high, p, 4);
        p += 4;
    }
    for (int j = 0; j < 32; j++) {
        int q = j < 16 ? p[j] & 15 : p[j - 16] >> 4;
        q += (int) (high >> j & 1) * 16;
        out[j] = with_min ? d * q + m : d * (q - (five ? 16 : 8));
    }
}

inline matrix random_matrix(weight_type type, int n_out, int n_in, uint64_t seed) {
    random_source r(seed);
    matrix m = {type, n_out, n_in, 0, {}, std::vector<double>((size_t) n_out * n_in)};
    const bool f32 = type == weight_type::f32 || type == weight_type::i8;  // i8 is packed from f32
    const int value_bytes = f32 ? 4 : 2;
    const size_t used = is_quantized(type) ? (size_t) (n_in / 32) * block_bytes(type) : (size_t) n_in * value_bytes;
    m.row_bytes = used + (f32 ? 8 : 6);  // rows need not be adjacent
    m.rows.resize(m.row_bytes * n_out);
    for (int o = 0; o < n_out; o++) {
        uint8_t * row = m.rows.data() + o * m.row_bytes;
        double * values = m.values.data() + (size_t) o * n_in;
        if (is_quantized(type)) {
            for (int b = 0; b < n_in / 32; b++) {
                uint8_t * block = row + b * block_bytes(type);
                for (int i = 0; i < block_bytes(type); i++) block[i] = (uint8_t) r.bits();
                const uint16_t d = to_f16(0.002f + 0.01f * std::fabs(r.uniform()));
                const uint16_t min = to_f16(-0.1f * std::fabs(r.uniform()));
                std::memcpy(block, &d, 2);
                if (type == weight_type::q4_1 || type == weight_type::q5_1) std::memcpy(block + 2, &min, 2);
                dequantize_block(type, block, values + b * 32);
            }
            continue;
        }
        for (int i = 0; i < n_in; i++) {
            const float f = 0.1f * r.uniform();
            uint32_t u;
            std::memcpy(&u, &f, 4);
            uint16_t h = (uint16_t) (u >> 16);
            if (f32) {
                std::memcpy(row + i * 4, &f, 4);
                values[i] = f;
            } else if (type == weight_type::bf16) {
                const uint32_t wide = (uint32_t) h << 16;
                float g;
                std::memcpy(&g, &wide, 4);
                std::memcpy(row + i * 2, &h, 2);
                values[i] = g;
            } else {
                h = i % 97 == 5 ? (uint16_t) (r.bits() & 0x83ff) : to_f16(f);  // some subnormals
                std::memcpy(row + i * 2, &h, 2);
                values[i] = from_f16(h);
            }
        }
    }
    return m;
}

}  // namespace test
