// The compute seam in plain ggml operations.
#include "engine/graph/layer-ops.h"

#include <cmath>

namespace ggclip {

// Without ggml's f16 look-up tables, which are 1e-3 off.
ggml_tensor * apply_activation(ggml_context * ctx, ggml_tensor * x, activation act) {
    switch (act) {
        case activation::none: return x;
        // x * sigmoid(1.702 x): openai/CLIP clip/model.py, QuickGELU
        case activation::quick_gelu: return ggml_mul(ctx, x, ggml_sigmoid(ctx, ggml_scale(ctx, x, 1.702f)));
        case activation::gelu_erf: return ggml_gelu_erf(ctx, x);
        case activation::silu: return ggml_mul(ctx, x, ggml_sigmoid(ctx, x));
        case activation::relu:  // ggml_relu makes 0 of NaN
            return ggml_scale(ctx, ggml_add(ctx, x, ggml_abs(ctx, x)), 0.5f);
        case activation::tanh:  // ggml_tanh makes numbers of NaN and infinity
            return ggml_add(ctx, ggml_tanh(ctx, x), ggml_scale(ctx, x, 0.0f));
        case activation::gelu_tanh: {
            // 0.5 x (1 + tanh(u)) = x * sigmoid(2 u) with u = sqrt(2/pi) (x + 0.044715 x^3): Hendrycks & Gimpel 2016
            ggml_tensor * cube = ggml_mul(ctx, x, ggml_sqr(ctx, x));
            ggml_tensor * u = ggml_add(ctx, x, ggml_scale(ctx, cube, 0.044715f));
            return ggml_mul(ctx, x, ggml_sigmoid(ctx, ggml_scale(ctx, u, 2.0f * std::sqrt(2.0f / (float) M_PI))));
        }
    }
    return x;
}

namespace {

class portable_ops final : public layer_ops {
  public:
    portable_ops(ggml_context * ctx, named_tensors * inputs) : layer_ops(ctx), inputs_(inputs) {}

    ggml_tensor * gather(ggml_tensor * x, ggml_tensor * rows) override { return ggml_get_rows(ctx_, x, rows); }

    ggml_tensor * repeat(ggml_tensor * vector, int n_seq) override {
        return ggml_repeat_4d(ctx_, vector, vector->ne[0], n_seq, 1, 1);
    }

    ggml_tensor * embed_tokens(const text_tokens & tokens) override {
        ggml_tensor *x = ggml_get_rows(ctx_, tokens.table, tokens.ids), *types = tokens.type_table;
        if (tokens.scale != 1) x = ggml_scale(ctx_, x, tokens.scale);
        if (tokens.class_embd) x = ggml_get_rows(ctx_, ggml_concat(ctx_, tokens.class_embd, x, 1), tokens.rows);
        if (tokens.position_table) x = ggml_add(ctx_, x, ggml_get_rows(ctx_, tokens.position_table, tokens.positions));
        return types ? ggml_add(ctx_, x, ggml_view_1d(ctx_, types, types->ne[0], 0)) : x;
    }

    ggml_tensor * embed_patches(ggml_tensor * patches, const stem_tokens & tokens, const sequences & seqs) override {
        const int64_t n_embd = patches->ne[0];
        const auto positions = [&](int64_t first, int64_t n) {
            ggml_tensor * table = tokens.positions;
            return ggml_view_2d(ctx_, table, n_embd, n, table->nb[1], (size_t) first * table->nb[1]);
        };
        ggml_tensor * prefix = tokens.class_embd;
        if (tokens.class_position) prefix = ggml_add(ctx_, prefix, positions(0, 1));
        if (tokens.register_embd)
            prefix = prefix ? ggml_concat(ctx_, prefix, tokens.register_embd, 1) : tokens.register_embd;
        if (!seqs.uniform) {  // only patches with positions of their own
            if (!prefix) return patches;
            return ggml_get_rows(ctx_, ggml_concat(ctx_, prefix, patches, 1), seqs.join);
        }
        const int64_t n_patch = patches->ne[1] / seqs.n_seq;
        ggml_tensor * x = ggml_reshape_3d(ctx_, patches, n_embd, n_patch, seqs.n_seq);
        if (tokens.patch_positions) x = ggml_add(ctx_, x, positions(tokens.class_position ? 1 : 0, n_patch));
        if (prefix && tokens.of_images)
            x = ggml_concat(ctx_, ggml_reshape_3d(ctx_, prefix, n_embd, 1, seqs.n_seq), x, 1);
        else if (prefix)
            x = ggml_concat(ctx_, ggml_repeat_4d(ctx_, prefix, n_embd, prefix->ne[1], seqs.n_seq, 1), x, 1);
        return ggml_reshape_2d(ctx_, x, n_embd, x->ne[1] * seqs.n_seq);  // [n_embd, n_token]
    }

    // Each sequence's tokens times their own weights, so that values never enter another sequence's sum. The runner has
    // already applied `skip` to seqs.mean_weights.
    ggml_tensor * mean(ggml_tensor * x, const sequences & seqs, int /*skip*/) override {
        if (!seqs.uniform) x = ggml_get_rows(ctx_, x, seqs.pad);
        x = ggml_reshape_3d(ctx_, x, x->ne[0], seqs.max_length, seqs.n_seq);
        ggml_tensor * columns = ggml_cont(ctx_, ggml_transpose(ctx_, x));    // [max_length, n, n_seq]
        ggml_tensor * cur = ggml_mul_mat(ctx_, columns, seqs.mean_weights);  // [n, 1, n_seq]
        ggml_prec_set_acc(cur, GGML_PREC_F32);
        return ggml_reshape_2d(ctx_, cur, cur->ne[0], seqs.n_seq);
    }

    ggml_tensor * values(layer_input & in) override {
        if (!in.f32) {
            const bool rms = in.norm->b == nullptr;
            ggml_tensor * normalised = rms ? ggml_rms_norm(ctx_, in.x, in.eps) : ggml_norm(ctx_, in.x, in.eps);
            in.f32 = ggml_mul(ctx_, normalised, in.norm->w);
            if (!rms) in.f32 = ggml_add(ctx_, in.f32, in.norm->b);
        }
        return in.f32;
    }

    ggml_tensor * linear(layer_input & in, const linear_weights & w, activation act, ggml_tensor * residual) override {
        if (inputs_) inputs_->emplace(w.name, values(in));
        ggml_tensor * cur = multiply(w.w, values(in), in.norm != nullptr);
        if (w.b) cur = ggml_add(ctx_, cur, w.b);
        cur = apply_activation(ctx_, cur, act);
        return residual ? ggml_add(ctx_, cur, residual) : cur;
    }

    ggml_tensor * add_scaled(ggml_tensor * x, ggml_tensor * factors, ggml_tensor * residual) override {
        return ggml_add(ctx_, factors ? ggml_mul(ctx_, x, factors) : x, residual);
    }

    ggml_tensor * gated(layer_input & in, const linear_weights & w, activation act, ggml_tensor * factor) override {
        return ggml_mul(ctx_, linear(in, w, act, nullptr), factor);
    }

    ggml_tensor * rotate(ggml_tensor * x, ggml_tensor * turns, rotary_pairs pairs) override {
        const int64_t n_attn = x->ne[0], n_token = x->ne[1], d_head = turns->ne[0] / 2, n_head = n_attn / d_head;
        const bool halves = pairs == rotary_pairs::halves;
        // [2, m] pairs or [m, 2] halves as columns, and the same with its two parts exchanged
        const int64_t width = halves ? d_head / 2 : 1, n_pair = n_attn * n_token / (2 * width);
        const auto part = [&](int64_t first) {
            return ggml_cont(ctx_, ggml_view_2d(ctx_, x, width, n_pair, (size_t) (2 * width) * sizeof(float),
                                                (size_t) (first * width) * sizeof(float)));
        };
        ggml_tensor * partner = ggml_concat(ctx_, part(1), part(0), 0);  // [2 * width, n_pair]
        const auto of_heads = [&](ggml_tensor * t) { return ggml_reshape_3d(ctx_, t, d_head, n_head, n_token); };
        const auto angles = [&](int64_t first) {
            return ggml_view_3d(ctx_, turns, d_head, 1, n_token, turns->nb[1], turns->nb[1],
                                (size_t) (first * d_head) * sizeof(float));
        };
        ggml_tensor * turned =
            ggml_add(ctx_, ggml_mul(ctx_, of_heads(x), angles(0)), ggml_mul(ctx_, of_heads(partner), angles(1)));
        return ggml_reshape_2d(ctx_, turned, n_attn, n_token);
    }

    ggml_tensor * position_bias(ggml_tensor * table, int /*max_distance*/, const sequences & seqs) override {
        const int64_t n_head = table->ne[0], length = seqs.max_length;
        ggml_tensor * bias = ggml_get_rows(ctx_, table, seqs.buckets);  // [n_head, keys * queries * n_seq]
        bias = ggml_reshape_4d(ctx_, bias, n_head, length, length, seqs.n_seq);
        return ggml_cont(ctx_, ggml_permute(ctx_, bias, 2, 0, 1, 3));  // [length, length, n_head, n_seq]
    }

    ggml_tensor * attention(ggml_tensor * q, ggml_tensor * k, ggml_tensor * v, int n_head, const sequences & seqs,
                            const score_rule & rule) override {
        const int64_t n_attn = q->ne[0], n_query = q->ne[1];
        const int64_t d_head = n_attn / n_head, length = seqs.max_length, n_seq = seqs.n_seq;
        const bool one_each = n_query == n_seq && seqs.n_token != seqs.n_seq;
        const int64_t q_length = one_each ? 1 : length;
        if (!seqs.uniform) {  // gather the ragged rows into [length, n_seq]; the mask hides what fills the gaps
            if (!one_each) q = ggml_get_rows(ctx_, q, seqs.pad);
            k = ggml_get_rows(ctx_, k, seqs.pad);
            v = ggml_get_rows(ctx_, v, seqs.pad);
        }
        const auto heads = [&](ggml_tensor * x, int64_t n, int a0, int a1, int a2) {
            return ggml_permute(ctx_, ggml_reshape_4d(ctx_, x, d_head, n_head, n, n_seq), a0, a1, a2, 3);
        };
        q = heads(q, q_length, 0, 2, 1);                 // [d_head, q_length, n_head, n_seq]
        k = heads(k, length, 0, 2, 1);                   // [d_head, length, n_head, n_seq]
        v = ggml_cont(ctx_, heads(v, length, 1, 2, 0));  // [length, d_head, n_head, n_seq]

        ggml_tensor * scores = ggml_mul_mat(ctx_, k, q);  // [length, q_length, n_head, n_seq]
        ggml_prec_set_acc(scores, GGML_PREC_F32);
        ggml_tensor * mask = one_each ? nullptr : seqs.mask;
        const bool hides_gaps = mask && seqs.causal && seqs.n_key.empty();  // they come last in the causal order
        if (seqs.key_mask && !hides_gaps) scores = ggml_add(ctx_, scores, seqs.key_mask);
        float scale = rule.scaled ? 1.0f / std::sqrt((float) d_head) : 1.0f;
        if (rule.bias) {
            scores = ggml_add(ctx_, scale == 1.0f ? scores : ggml_scale(ctx_, scores, scale), rule.bias);
            scale = 1.0f;
        }
        scores = ggml_soft_max_ext(ctx_, scores, mask, scale, seqs.max_alibi_bias);
        ggml_tensor * cur = ggml_mul_mat(ctx_, v, scores);  // [d_head, q_length, n_head, n_seq]
        ggml_prec_set_acc(cur, GGML_PREC_F32);
        cur = ggml_cont_2d(ctx_, ggml_permute(ctx_, cur, 0, 2, 1, 3), n_attn, q_length * n_seq);
        return seqs.uniform || one_each ? cur : ggml_get_rows(ctx_, cur, seqs.unpad);  // [n_attn, n_query]
    }

    conv_ops & maps() override {
        if (!maps_) maps_ = make_portable_conv_ops(ctx_);
        return *maps_;
    }

  private:
    // Whether ggml's CPU may make zeros of a row of NaN that it rounds for this matrix: the largest value of a block of
    // 256 ignores NaN, and that of a block of 32 does where the zeros of a padded row are in it.
    static bool rounds_nan_to_zero(const ggml_tensor * w, const ggml_tensor * x) {
        return ggml_blck_size(w->type) == 256 || w->ne[0] != x->ne[0];
    }

    // Zeros fill the rows of a quantised matrix to whole blocks.
    ggml_tensor * as_long_as_rows(ggml_tensor * x, const ggml_tensor * w) {
        return x->ne[0] == w->ne[0] ? x : ggml_pad(ctx_, x, (int) (w->ne[0] - x->ne[0]), 0, 0, 0);
    }

    // W x. ggml rounds x to f16 for an f16 matrix and to blocks with f16 scales for most others: hidden values beyond
    // f16's range (an MLP's, mostly) would be infinite. Divided by their root mean square they fit; normalised ones fit
    // anyway. A row that is not finite stays so: its size does it, and where rows are not divided by one, a factor that
    // is 1 else.
    ggml_tensor * multiply(ggml_tensor * w, ggml_tensor * x, bool normalised) {
        const bool scaled = !normalised && w->type != GGML_TYPE_F32 && w->type != GGML_TYPE_BF16;
        ggml_tensor * size = nullptr;  // [1, n_token]
        if (scaled) {
            ggml_tensor * squares = ggml_scale(ctx_, ggml_sum_rows(ctx_, ggml_sqr(ctx_, x)), 1.0f / (float) x->ne[0]);
            size = ggml_sqrt(ctx_, ggml_scale_bias(ctx_, squares, 1.0f, 1e-30f));  // of a row of zeros: not zero
            x = ggml_div(ctx_, x, size);
        }
        ggml_tensor * cur = ggml_mul_mat(ctx_, w, as_long_as_rows(x, w));
        ggml_prec_set_acc(cur, GGML_PREC_F32);
        if (!scaled && rounds_nan_to_zero(w, x)) size = ggml_scale_bias(ctx_, ggml_sum_rows(ctx_, x), 0.0f, 1.0f);
        return size ? ggml_mul(ctx_, cur, size) : cur;
    }

    named_tensors * inputs_;
    std::unique_ptr<conv_ops> maps_;
};

}  // namespace

std::unique_ptr<layer_ops> make_portable_ops(ggml_context * ctx, named_tensors * inputs) {
    return std::make_unique<portable_ops>(ctx, inputs);
}

}  // namespace ggclip
