// Where a level's integer products and the scalar level's are exact, both give the same bits.
#pragma once

#include "linear-layer.h"

namespace test {

// Levels that round operands as the scalar level does, and whose sums have no rounding on operands whose floats have
// none: all but dot-maddubs.h with 8-bit weights, and dot-vnni.h and tile registers with scales for blocks.
inline bool is_exact(const kernel_table & k, weight_type type) {
    const bool maddubs = k.level == cpu_level::avx2 || k.level == cpu_level::sse41;
    const bool vnni = k.level == cpu_level::avx512_vnni || k.level == cpu_level::avx_vnni;
    if (type == weight_type::i8) return !maddubs;
    if (k.level == cpu_level::amx) return false;  // rounds weights to one scale for a group of blocks
    return is_quantized(type) && !vnni && !(maddubs && type == weight_type::q8_0);
}

// Scales that are powers of two, and activations that are whole numbers up to 127 in size: float sums stay exact. The
// q8_0 blocks of a scale group have one scale: levels that join them round nothing.
inline linear_data exact_data(const linear_case & c) {
    linear_data d = data_for(c);
    random_source r(c.n_in + c.n_out);
    for (size_t i = 0; i < d.x.size(); i++) d.x[i] = (float) (r.below(255) - 127);
    for (int t = 0; t < c.n_tokens; t++)  // every group of a row reaches 127: its scale is 1
        for (int i = 0; i < c.n_in; i += 32) d.x[t * d.x_stride + i] = i / 32 % 2 ? -127.0f : 127.0f;
    const int joined = c.type == weight_type::q8_0 ? ggclip::kernels::scale_group(c.n_in) / 32 : 1;
    for (int o = 0; is_quantized(c.type) && o < c.n_out; o++) {
        uint16_t scale = 0;
        for (int b = 0; b < c.n_in / 32; b++) {
            uint8_t * const block = d.w.rows.data() + o * d.w.row_bytes + b * block_bytes(c.type);
            const uint16_t min = to_f16((float) (r.below(9) - 4));
            if (b % joined == 0) scale = to_f16(r.below(2) ? 1.0f : 0.5f);
            std::memcpy(block, &scale, 2);
            if (c.type == weight_type::q4_1 || c.type == weight_type::q5_1) std::memcpy(block + 2, &min, 2);
        }
    }
    return d;
}

inline void test_exact(const kernel_table & k) {
    const int shapes[][3] = {{1, 32, 1},   {2, 64, 33},  {3, 96, 16},  {5, 160, 31}, {7, 256, 64},
                             {8, 768, 48}, {9, 384, 17}, {17, 64, 70}, {50, 768, 96}};
    int n = 0;
    for (const weight_type type : all_types) {
        for (const auto & s : shapes) {
            if (!is_exact(k, type)) continue;
            const linear_case c = {type, s[0], s[1], s[2]};
            const linear_data d = type == weight_type::i8 ? data_for(c) : exact_data(c);
            const std::vector<float> want = run_linear(*kernels_for(cpu_level::scalar), c, d, 1);
            expect(run_linear(k, c, d, 1) == want, std::string(k.name) + " exact " + c.text());
            n++;
        }
    }
    std::printf("%-12s equal to the scalar level in every bit: %d cases\n", k.name, n);
}

}  // namespace test
