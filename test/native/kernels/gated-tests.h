// Gated linear layers: the same bits as the ungated result times the factor, as floats and packed for the next layer.
#pragma once

#include <cstring>

#include "linear-layer.h"

namespace test {

inline void test_gated(const kernel_table & k) {
    for (const weight_type type : all_types) {
        for (const int n_out : {32, 96, 224}) {
            const linear_case c = {type, 5, 96, n_out, unary::silu, true};
            const linear_data d = data_for(c);
            const std::vector<float> factor = random_floats((size_t) n_out * c.n_tokens, 9);
            std::vector<float> want = run_linear(k, c, d, 1), got(want.size());
            for (size_t i = 0; i < want.size(); i++) want[i] *= factor[i];

            buffer w(k.packed_size(type, n_out, c.n_in)), act(k.activations_size(type, c.n_tokens, c.n_in));
            k.pack(type, n_out, c.n_in, d.w.rows.data(), d.w.row_bytes, w.data());
            k.pack_activations(type, d.x.data(), d.x_stride, c.n_tokens, c.n_in, act.data(), 0, 1);
            linear_args args = {};
            args.w = {type, n_out, c.n_in, w.data()};
            args.act = act.data();
            args.n_tokens = c.n_tokens;
            args.bias = d.bias.data();
            args.op = c.op;
            args.dst = got.data();
            args.dst_stride = (size_t) n_out;
            args.factor = factor.data();
            run_shares(3, [&](int i) { k.linear(args, i, 3); });
            expect(got == want, std::string(k.name) + " gated " + c.text());

            if (!k.linear_pack || !ggclip::kernels::in_blocks(type)) continue;
            const size_t size = k.activations_size(weight_type::q8_0, c.n_tokens, n_out);
            buffer fused(size), packed(size);
            run_shares(3, [&](int i) { k.linear_pack(args, weight_type::q8_0, fused.data(), i, 3); });
            k.pack_activations(weight_type::q8_0, want.data(), (size_t) n_out, c.n_tokens, n_out, packed.data(), 0, 1);
            expect(!std::memcmp(fused.data(), packed.data(), size), std::string(k.name) + " gated pack " + c.text());
        }
    }
}

}  // namespace test
