#include "formats/tensor-names.h"

#include "engine/names.h"

#include <cstdio>

namespace ggclip {

namespace {

std::string format(const char * pattern, const char * a, const char * b = "") {
    char text[128];
    snprintf(text, sizeof(text), pattern, a, b);
    return text;
}

std::string format_block(char tower, int block, const char * part, const char * suffix) {
    char text[128];
    snprintf(text, sizeof(text), names::BLOCK, tower == 'v' ? "v" : "t", block, part, suffix);
    return text;
}

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

    void pair(char tower, int block, const char * part, int64_t n_in, int64_t n_out) {
        add(format_block(tower, block, part, "weight"), {n_in, n_out}, tower, part, "weight", block);
        add(format_block(tower, block, part, "bias"), {n_out}, tower, part, "bias", block);
    }

    void norm(char tower, int block, const char * part, int64_t n) {
        add(format_block(tower, block, part, "weight"), {n}, tower, part, "weight", block);
        add(format_block(tower, block, part, "bias"), {n}, tower, part, "bias", block);
    }

    void blocks(char tower, const tower_hparams & hp) {
        for (int i = 0; i < hp.n_layer; i++) {
            norm(tower, i, names::LN1, hp.n_embd);
            for (const char * part : {names::ATTN_Q, names::ATTN_K, names::ATTN_V, names::ATTN_OUT}) {
                pair(tower, i, part, hp.n_embd, hp.n_embd);
            }
            norm(tower, i, names::LN2, hp.n_embd);
            pair(tower, i, names::FFN_UP, hp.n_embd, hp.n_ff);
            pair(tower, i, names::FFN_DOWN, hp.n_ff, hp.n_embd);
        }
        for (const char * suffix : {"weight", "bias"}) {
            add(format(names::POST_LN, tower == 'v' ? "v" : "t", suffix), {hp.n_embd}, tower, "post_ln", suffix);
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
        add(format(names::POSITION_EMBD, "v"), {v.n_embd, v.n_token()}, 'v', "position_embd", "weight");
        if (v.has_pre_ln) {
            for (const char * suffix : {"weight", "bias"}) {
                add(format(names::PRE_LN, suffix), {v.n_embd}, 'v', "pre_ln", suffix);
            }
        }
        blocks('v', v);
        if (v.pool == pooling::attention) {
            head(v);
        }
        if (v.has_proj) {
            add(names::VISUAL_PROJ, {v.n_embd, hp_.n_proj}, 'v', "proj", "weight");
        }
    }

    void head(const vision_hparams & v) {
        add(names::HEAD_PROBE, {v.n_embd}, 'v', "head.probe", "");
        const auto both = [&](const char * part, int64_t n_in, int64_t n_out) {
            const std::string where = std::string("head.") + part;
            const auto        shape = n_in > 0 ? std::vector<int64_t>{n_in, n_out} : std::vector<int64_t>{n_out};
            add(format(names::HEAD, part, "weight"), shape, 'v', where.c_str(), "weight");
            add(format(names::HEAD, part, "bias"), {n_out}, 'v', where.c_str(), "bias");
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
        add(format(names::POSITION_EMBD, "t"), {t.n_embd, t.n_ctx}, 't', "position_embd", "weight");
        blocks('t', t);
        if (t.has_proj) {
            add(names::TEXT_PROJ, {t.n_embd, hp_.n_proj}, 't', "proj", "weight");
        }
        if (t.has_proj && t.has_proj_bias) {
            add(names::TEXT_PROJ_BIAS, {hp_.n_proj}, 't', "proj", "bias");
        }
    }

    const hparams &              hp_;
    std::vector<expected_tensor> list_;
};

// What a family calls a part. `fused`: q, k and v are thirds of one tensor.
struct part_name {
    const char * part;
    const char * vision;  // null: as `text`
    const char * text;
};

const char * find_part(const part_name * table, size_t n, const expected_tensor & tensor) {
    for (size_t i = 0; i < n; i++) {
        if (tensor.part == table[i].part) {
            return tensor.tower == 'v' && table[i].vision ? table[i].vision : table[i].text;
        }
    }
    return "";
}

const part_name HF_PARTS[] = {
    {"class_embd", "vision_model.embeddings.class_embedding", ""},
    {"patch_embd", "vision_model.embeddings.patch_embedding", ""},
    {"position_embd", "vision_model.embeddings.position_embedding", "text_model.embeddings.position_embedding"},
    {"token_embd", "", "text_model.embeddings.token_embedding"},
    {"pre_ln", "vision_model.pre_layrnorm", ""},  // the reference's own spelling
    {"post_ln", "vision_model.post_layernorm", "text_model.final_layer_norm"},
    {"proj", "visual_projection", "text_projection"},
    {"head.probe", "vision_model.head.probe", ""},
    {"head.attn_out", "vision_model.head.attention.out_proj", ""},
    {"head.ln", "vision_model.head.layernorm", ""},
    {"head.ffn_up", "vision_model.head.mlp.fc1", ""},
    {"head.ffn_down", "vision_model.head.mlp.fc2", ""},
    {"ln1", nullptr, "layer_norm1"},
    {"ln2", nullptr, "layer_norm2"},
    {"attn_q", nullptr, "self_attn.q_proj"},
    {"attn_k", nullptr, "self_attn.k_proj"},
    {"attn_v", nullptr, "self_attn.v_proj"},
    {"attn_out", nullptr, "self_attn.out_proj"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
};

const part_name OPEN_CLIP_PARTS[] = {
    {"class_embd", "class_embedding", ""},
    {"patch_embd", "conv1", ""},
    {"position_embd", nullptr, "positional_embedding"},
    {"token_embd", "", "token_embedding"},
    {"pre_ln", "ln_pre", ""},
    {"post_ln", "ln_post", "ln_final"},
    {"proj", "proj", "text_projection"},
    {"ln1", nullptr, "ln_1"},
    {"ln2", nullptr, "ln_2"},
    {"attn_out", nullptr, "attn.out_proj"},
    {"ffn_up", nullptr, "mlp.c_fc"},
    {"ffn_down", nullptr, "mlp.c_proj"},
};

std::string with_suffix(const std::string & name, const char * suffix) {
    return *suffix ? name + "." + suffix : name;
}

// 0, 1, 2 for ...attn_q, ...attn_k, ...attn_v, else -1
int third_of(const std::string & part) {
    const char * const parts[] = {"attn_q", "attn_k", "attn_v"};
    for (int i = 0; i < 3; i++) {
        const size_t at = part.size() < 6 ? std::string::npos : part.size() - 6;
        if (at != std::string::npos && part.compare(at, 6, parts[i]) == 0) {
            return i;
        }
    }
    return -1;
}

tensor_origin hf_origin(const expected_tensor & tensor, bool siglip) {
    const std::string part = find_part(HF_PARTS, sizeof(HF_PARTS) / sizeof(HF_PARTS[0]), tensor);
    if (tensor.block >= 0) {
        const std::string layers = tensor.tower == 'v' ? "vision_model.encoder.layers." : "text_model.encoder.layers.";
        return {with_suffix(layers + std::to_string(tensor.block) + "." + part, tensor.suffix), -1, false};
    }
    if (tensor.part.rfind("head.", 0) == 0 && third_of(tensor.part) >= 0) {
        return {std::string("vision_model.head.attention.in_proj_") + tensor.suffix, third_of(tensor.part), false};
    }
    if (siglip && tensor.tower == 't' && tensor.part == "proj") {
        return {with_suffix("text_model.head", tensor.suffix), -1, false};
    }
    return {with_suffix(part, tensor.suffix), -1, false};
}

tensor_origin open_clip_origin(const expected_tensor & tensor, const std::string & prefix) {
    const std::string part = find_part(OPEN_CLIP_PARTS, sizeof(OPEN_CLIP_PARTS) / sizeof(OPEN_CLIP_PARTS[0]), tensor);
    const std::string tower = tensor.tower == 'v' ? "visual." : prefix;
    if (tensor.block >= 0) {
        const std::string block = tower + "transformer.resblocks." + std::to_string(tensor.block) + ".";
        if (third_of(tensor.part) >= 0) {
            return {block + "attn.in_proj_" + tensor.suffix, third_of(tensor.part), false};
        }
        return {with_suffix(block + part, tensor.suffix), -1, false};
    }
    if (tensor.part == "proj") {
        return {tower + part, -1, true};  // a bare parameter, used as x @ P
    }
    const bool bare = tensor.part == "position_embd";
    return {bare ? tower + part : with_suffix(tower + part, tensor.suffix), -1, false};
}

tensor_origin clip_cpp_origin(const expected_tensor & tensor) {
    const bool up = tensor.block >= 0 && tensor.part == names::FFN_UP;
    const bool down = tensor.block >= 0 && tensor.part == names::FFN_DOWN;
    if (up || down) {
        const char * part = up ? names::FFN_DOWN : names::FFN_UP;
        return {format_block(tensor.tower, tensor.block, part, tensor.suffix), -1, false};
    }
    return {tensor.name, -1, false};
}

}  // namespace

std::vector<expected_tensor> expected_tensors(const hparams & hp) { return list_builder(hp).run(); }

tensor_origin origin_of(const expected_tensor & tensor, name_scheme scheme, const std::string & prefix) {
    switch (scheme) {
        case name_scheme::hf_clip: return hf_origin(tensor, false);
        case name_scheme::hf_siglip: return hf_origin(tensor, true);
        case name_scheme::open_clip: return open_clip_origin(tensor, prefix);
        case name_scheme::clip_cpp: return clip_cpp_origin(tensor);
        case name_scheme::ggclip: break;
    }
    return {tensor.name, -1, false};
}

}  // namespace ggclip
