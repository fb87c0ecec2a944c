// Which tensors a model has.
#include "formats/layout/tensor-names.h"

#include "engine/names.h"

namespace ggclip {

namespace {

class list_builder {
  public:
    explicit list_builder(const hparams & hp) : hp_(hp) {}

    std::vector<expected_tensor> run() {
        if (hp_.vision.present) {
            vision();
        }
        if (hp_.text.present) {
            text();
        }
        return std::move(list_);
    }

  private:
    void add(const std::string & name, std::vector<int64_t> ne, char tower, const char * part, const char * suffix,
             int block = -1) {
        list_.push_back({name, std::move(ne), tower, block, part, suffix});
    }

    void pair(char tower, int block, const char * part, int64_t n_in, int64_t n_out, bool has_bias = true) {
        add(names::of_block(tower, block, part, "weight"), {n_in, n_out}, tower, part, "weight", block);
        if (has_bias) {
            add(names::of_block(tower, block, part, "bias"), {n_out}, tower, part, "bias", block);
        }
    }

    void norm(char tower, int block, const char * part, int64_t n) {
        add(names::of_block(tower, block, part, "weight"), {n}, tower, part, "weight", block);
        add(names::of_block(tower, block, part, "bias"), {n}, tower, part, "bias", block);
    }

    // A norm outside the blocks.
    void outer_norm(char tower, const char * pattern, const char * part, int64_t n) {
        for (const char * suffix : {"weight", "bias"}) {
            add(print_text(pattern, tower == 'v' ? "v" : "t", suffix), {n}, tower, part, suffix);
        }
    }

    void blocks(char tower, const tower_hparams & hp) {
        if (hp.has_pre_ln) {
            outer_norm(tower, names::PRE_LN, "pre_ln", hp.n_embd);
        }
        for (int i = 0; i < hp.n_layer; i++) {
            const block_hparams dims = hp.block(i);
            const int64_t n_attn = static_cast<int64_t>(dims.n_head) * hp.d_head;
            norm(tower, i, names::LN1, hp.n_embd);
            for (const char * part : {names::ATTN_Q, names::ATTN_K, names::ATTN_V}) {
                pair(tower, i, part, hp.n_embd, n_attn, hp.has_qkv_bias);
            }
            pair(tower, i, names::ATTN_OUT, n_attn, hp.n_embd);
            norm(tower, i, names::LN2, hp.n_embd);
            pair(tower, i, names::FFN_UP, hp.n_embd, dims.n_ff);
            pair(tower, i, names::FFN_DOWN, dims.n_ff, hp.n_embd);
            if (hp.has_layer_scale) {
                for (const char * part : {names::LS1, names::LS2}) {  // sources name the whole tensor: no suffix
                    add(names::of_block(tower, i, part, "weight"), {hp.n_embd}, tower, part, "", i);
                }
            }
        }
        if (hp.has_post_ln) {
            outer_norm(tower, names::POST_LN, "post_ln", hp.n_embd);
        }
    }

    void projection(char tower, const tower_hparams & hp, const char * weight, const char * bias, const char * hidden) {
        if (!hp.has_proj) {
            return;
        }
        if (hp.n_proj_hidden > 0) {
            add(hidden, {hp.n_embd, hp.n_proj_hidden}, tower, "proj_hidden", "weight");
        }
        add(weight, {hp.n_proj_hidden > 0 ? hp.n_proj_hidden : hp.n_embd, hp_.n_proj}, tower, "proj", "weight");
        if (hp.has_proj_bias) {
            add(bias, {hp_.n_proj}, tower, "proj", "bias");
        }
    }

    void vision() {
        const vision_hparams & v = hp_.vision;
        if (v.has_class_embd) {
            add(names::CLASS_EMBD, {v.n_embd}, 'v', "class_embd", "");
        }
        add(names::PATCH_EMBD, {v.patch_size, v.patch_size, v.n_channel, v.n_embd}, 'v', "patch_embd", "weight");
        if (v.has_patch_bias) {
            add(names::PATCH_BIAS, {v.n_embd}, 'v', "patch_embd", "bias");
        }
        add(print_text(names::POSITION_EMBD, "v"), {v.n_embd, v.n_token()}, 'v', "position_embd", "weight");
        blocks('v', v);
        if (v.pool == pooling::attention) {
            head(v);
        }
        projection('v', v, names::VISUAL_PROJ, names::VISUAL_PROJ_BIAS, names::VISUAL_PROJ_HIDDEN);
    }

    void head(const vision_hparams & v) {
        add(names::HEAD_PROBE, {v.n_embd}, 'v', "head.probe", "");
        const auto both = [&](const char * part, int64_t n_in, int64_t n_out) {
            const std::string where = std::string("head.") + part;
            const auto shape = n_in > 0 ? std::vector<int64_t>{n_in, n_out} : std::vector<int64_t>{n_out};
            add(print_text(names::HEAD, part, "weight"), shape, 'v', where.c_str(), "weight");
            add(print_text(names::HEAD, part, "bias"), {n_out}, 'v', where.c_str(), "bias");
        };
        for (const char * part : {names::ATTN_Q, names::ATTN_K, names::ATTN_V, names::ATTN_OUT}) {
            both(part, v.n_embd, v.n_embd);
        }
        both("ln", 0, v.n_embd);
        both(names::FFN_UP, v.n_embd, v.n_ff);
        both(names::FFN_DOWN, v.n_ff, v.n_embd);
    }

    void text() {
        const text_hparams & t = hp_.text;
        add(names::TOKEN_EMBD, {t.n_embd, t.n_vocab}, 't', "token_embd", "weight");
        if (t.n_token_type > 0) {
            add(names::TOKEN_TYPE_EMBD, {t.n_embd, t.n_token_type}, 't', "token_type_embd", "weight");
        }
        add(print_text(names::POSITION_EMBD, "t"), {t.n_embd, t.n_positions()}, 't', "position_embd", "weight");
        blocks('t', t);
        projection('t', t, names::TEXT_PROJ, names::TEXT_PROJ_BIAS, names::TEXT_PROJ_HIDDEN);
    }

    const hparams & hp_;
    std::vector<expected_tensor> list_;
};

}  // namespace

std::vector<expected_tensor> expected_tensors(const hparams & hp) { return list_builder(hp).run(); }

}  // namespace ggclip
