#include "engine/weights/tensor-list.h"

#include "engine/names.h"
#include "engine/weights/weights.h"

namespace ggclip {

namespace {

class list_builder {
  public:
    std::vector<placed_tensor> run(const hparams & hp, vision_weights & vision, text_weights & text) {
        if (hp.vision.present) add_vision(hp.vision, hp.n_proj, vision);
        if (hp.text.present) add_text(hp.text, hp.n_proj, text);
        return std::move(list_);
    }

  private:
    void add_vision(const vision_hparams & hp, int64_t n_proj, vision_weights & w) {
        tower_ = 'v';
        norm_ = hp.norm;
        if (hp.has_class_embd) add(w.class_embd, names::class_embd, "", {hp.n_embd});
        if (hp.n_register > 0)
            add(w.register_embd, names::register_embd, "", {hp.n_embd, hp.n_register}, tensor_role::f32_table);
        if (hp.layers.empty()) {
            add_matrix(w.patch, tensor_role::patches, names::patch_embd,
                       {hp.patch_size, hp.patch_size, hp.n_channel, hp.n_embd}, hp.has_patch_bias);
        }
        add_layers(hp, w);
        if (hp.has_patch_norm) add_norm(w.patch_norm, names::patch_norm, hp.n_embd);
        if (hp.has_positions)
            add(w.position_embd, names::position_embd, "weight", {hp.n_embd, hp.n_position()}, tensor_role::f32_table);
        const bool attends = hp.pool == pooling::attention;
        add_blocks(hp, attends && hp.norm_after_pool ? hp.pool_width() : hp.n_embd, w);
        if (hp.pool == pooling::mean_query) add_query(hp, w.head);
        if (attends) add_head(hp, w.head);
        add_projection(hp, attends ? hp.pool_width() : hp.n_embd, n_proj, w);
    }

    void add_layers(const vision_hparams & hp, vision_weights & w) {
        w.layers.resize(hp.layers.size());
        int64_t n_in = hp.n_channel;
        for (size_t i = 0; i < hp.layers.size(); i++) {
            add_layer(hp.layers[i], names::of_layer(i), n_in, i == 0, w.layers[i]);
            n_in = hp.layers[i].n_out;
        }
    }

    // `first`: its input are pixels.
    void add_layer(const conv_layer & layer, const std::string & prefix, int64_t n_in, bool first, conv_weights & w) {
        const auto part = [&](const char * name) { return prefix + name; };
        const int64_t n_out = layer.n_out, n_ff = layer.n_ff, kernel = layer.kernel, n_position = kernel * kernel;
        switch (layer.kind) {
            case conv_kind::conv:
                if (first)
                    add_matrix(w.conv, tensor_role::patches, part(names::conv), {n_in, kernel, kernel, n_out}, true);
                else add_linear(w.conv, part(names::conv), n_position * n_in, n_out);
                break;
            case conv_kind::depthwise:
                add_depthwise(w.depthwise, part(names::depthwise), n_out, n_position);
                if (n_ff > 0) add_mlp(w, prefix, n_out, n_ff, n_out);
                break;
            case conv_kind::norm: add_norm(w.ln, part(names::map_norm), n_out); break;
            case conv_kind::mlp:
                add_depthwise(w.depthwise, part(names::depthwise), n_out, n_position);
                if (layer.has_norm) add_norm(w.ln, part(names::map_norm), n_out);
                add_mlp(w, prefix, n_out, n_ff, n_out);
                break;
            case conv_kind::attention:
                if (layer.has_norm) add_norm(w.ln, part(names::map_norm), n_out);
                add_linear(w.q, part(names::attn_q), n_out, n_out);
                add_linear(w.k, part(names::attn_k), n_out, n_out);
                add_linear(w.v, part(names::attn_v), n_out, n_out);
                add_linear(w.out, part(names::attn_out), n_out, n_out);
                break;
            case conv_kind::pool: break;
            case conv_kind::bottleneck:
                add_mlp(w, prefix, n_in, n_ff, n_out);
                add_linear(w.conv, part(names::conv), n_position * n_ff, n_ff);
                if (layer.stride > 1 || n_in != n_out) add_linear(w.shortcut, part(names::shortcut), n_in, n_out);
                break;
            case conv_kind::mb_conv:
                add_norm(w.ln, part(names::map_norm), n_in);
                add_mlp(w, prefix, n_in, n_ff, n_out);
                add_depthwise(w.depthwise, part(names::depthwise), n_ff, n_position);
                if (n_in != n_out) add_linear(w.shortcut, part(names::shortcut), n_in, n_out);
                break;
        }
    }

    // Two 1 x 1 convolutions: an MLP's, or those around a k x k convolution.
    void add_mlp(conv_weights & w, const std::string & prefix, int64_t n_in, int64_t n_ff, int64_t n_out) {
        add_linear(w.up, prefix + names::ffn_up, n_in, n_ff);
        add_linear(w.down, prefix + names::ffn_down, n_ff, n_out);
    }

    void add_depthwise(depthwise_weights & w, const std::string & part, int64_t n_out, int64_t n_position) {
        add(w.w, part, "weight", {n_out, n_position}, tensor_role::f32_table);
        add(w.b, part, "bias", {n_out});
    }

    void add_text(const text_hparams & hp, int64_t n_proj, text_weights & w) {
        tower_ = 't';
        norm_ = hp.norm;
        add(w.token_embd, names::token_embd, "weight", {hp.n_embd, hp.n_vocab}, tensor_role::table);
        if (hp.n_token_type > 0)
            add(w.type_embd, names::token_type_embd, "weight", {hp.n_embd, hp.n_token_type}, tensor_role::f32_table);
        if (hp.has_class_embd) add(w.class_embd, names::class_embd, "", {hp.n_embd});
        if (hp.has_positions)
            add(w.position_embd, names::position_embd, "weight", {hp.n_embd, hp.n_positions()}, tensor_role::f32_table);
        if (hp.n_bucket > 0)
            add(w.position_bias, names::position_bias, "weight", {hp.n_head, hp.n_bucket}, tensor_role::f32_table);
        for (int i = 0; i < 2 && hp.mixer_kernel > 0; i++) add_mixer(hp, names::of_mixer(i), w.mixers[(size_t) i]);
        add_blocks(hp, hp.n_embd, w);
        add_projection(hp, hp.n_embd, n_proj, w);
    }

    void add_mixer(const text_hparams & hp, const std::string & prefix, mixer_weights & w) {
        add_depthwise(w.mix, prefix + names::mix, hp.n_embd, hp.mixer_kernel);
        add_depthwise(w.depthwise, prefix + names::depthwise, hp.n_embd, hp.mixer_kernel);
        add_linear(w.up, prefix + names::ffn_up, hp.n_embd, hp.n_mixer_ff);
        add_linear(w.down, prefix + names::ffn_down, hp.n_mixer_ff, hp.n_embd);
    }

    // n_last: values that the last norm sees
    void add_blocks(const tower_hparams & hp, int64_t n_last, tower_weights & w) {
        if (hp.has_pre_ln) add_norm(w.pre_ln, names::pre_ln, hp.n_embd);
        w.blocks.resize((size_t) hp.n_layer);
        for (block_ = 0; block_ < hp.n_layer; block_++) add_block(hp, hp.block(block_), w.blocks[(size_t) block_]);
        block_ = -1;
        if (hp.has_post_ln) add_norm(w.post_ln, names::post_ln, n_last);
    }

    void add_block(const tower_hparams & hp, const block_hparams & dims, block_weights & w) {
        const int64_t n_attn = (int64_t) dims.n_head * hp.d_head;
        add_norm(w.ln1, names::ln1, hp.n_embd);
        add_linear(w.q, names::attn_q, hp.n_embd, n_attn, hp.has_qkv_bias);
        add_linear(w.k, names::attn_k, hp.n_embd, n_attn, hp.has_qkv_bias && hp.has_k_bias);
        add_linear(w.v, names::attn_v, hp.n_embd, n_attn, hp.has_qkv_bias);
        if (hp.has_qk_norm) {
            add_norm(w.q_norm, names::attn_q_norm, hp.d_head);
            add_norm(w.k_norm, names::attn_k_norm, hp.d_head);
        }
        if (hp.has_attn_norm) add_norm(w.attn_norm, names::attn_norm, n_attn);
        add_linear(w.out, names::attn_out, n_attn, hp.n_embd, hp.has_out_bias);
        add_norm(w.ln2, names::ln2, hp.n_embd);
        if (hp.has_mlp_in_norm) add_norm(w.mlp_in_norm, names::ffn_in_norm, hp.n_embd);
        const bool has_first_bias = hp.has_mlp_bias && hp.has_mlp_first_bias;
        if (hp.has_mlp_gate) add_linear(w.gate, names::ffn_gate, hp.n_embd, dims.n_ff, has_first_bias);
        add_linear(w.up, names::ffn_up, hp.n_embd, dims.n_ff, has_first_bias);
        if (hp.has_mlp_norm) add_norm(w.mlp_norm, names::ffn_norm, dims.n_ff);
        add_linear(w.down, names::ffn_down, dims.n_ff, hp.n_embd, hp.has_mlp_bias);
        if (hp.has_layer_scale) {
            add(w.ls1, names::ls1, "", {hp.n_embd});
            add(w.ls2, names::ls2, "", {hp.n_embd});
        }
    }

    void add_head(const vision_hparams & hp, head_weights & w) {
        const auto part = [](const char * name) { return std::string(names::head) + name; };
        const int64_t width = hp.pool_width();
        add(w.probe, part(names::probe), "", {width});
        if (hp.has_pool_norm) {
            add_norm(w.q_norm, part(names::attn_q_norm), width);
            add_norm(w.k_norm, part(names::attn_k_norm), hp.n_embd);
        }
        if (hp.has_pool_query) add_linear(w.q, part(names::attn_q), width, width, hp.has_pool_bias);
        add_linear(w.k, part(names::attn_k), hp.n_embd, width, hp.has_pool_bias);
        add_linear(w.v, part(names::attn_v), hp.n_embd, width, hp.has_pool_bias);
        add_linear(w.out, part(names::attn_out), width, width);
        if (!hp.has_pool_mlp) return;
        add_norm(w.ln, part(names::ln), width);
        add_linear(w.up, part(names::ffn_up), width, hp.pool_ff());
        add_linear(w.down, part(names::ffn_down), hp.pool_ff(), width);
    }

    // ResNet's attention pooling; its output matrix is the projection
    void add_query(const vision_hparams & hp, head_weights & w) {
        const auto part = [](const char * name) { return std::string(names::head) + name; };
        add_linear(w.q, part(names::attn_q), hp.n_embd, hp.n_embd);
        add_linear(w.k, part(names::attn_k), hp.n_embd, hp.n_embd);
        add_linear(w.v, part(names::attn_v), hp.n_embd, hp.n_embd);
    }

    void add_projection(const tower_hparams & hp, int64_t n_pooled, int64_t n_proj, tower_weights & w) {
        if (!hp.has_proj) return;
        const bool is_mlp = hp.n_proj_hidden > 0;
        if (is_mlp) add_linear(w.proj_hidden, names::proj_hidden, n_pooled, hp.n_proj_hidden, hp.has_proj_hidden_bias);
        add_linear(w.proj, names::proj, is_mlp ? hp.n_proj_hidden : n_pooled, n_proj, hp.has_proj_bias);
    }

    void add_norm(norm_weights & w, const std::string & part, int64_t n) {
        add(w.w, part, "weight", {n});
        if (norm_ == norm_kind::layer) add(w.b, part, "bias", {n});
    }

    void add_linear(linear_weights & w, const std::string & part, int64_t n_in, int64_t n_out, bool has_bias = true) {
        add_matrix(w, tensor_role::matrix, part, {n_in, n_out}, has_bias);
    }

    void add_matrix(linear_weights & w, tensor_role role, const std::string & part, const std::vector<int64_t> & ne,
                    bool has_bias) {
        push(part, "weight", ne, role).linear = &w;
        if (has_bias) add(w.b, part, "bias", {ne.back()});
    }

    void add(ggml_tensor *& place, const std::string & part, const char * suffix, const std::vector<int64_t> & ne,
             tensor_role role = tensor_role::vector) {
        push(part, suffix, ne, role).tensor = &place;
    }

    placed_tensor & push(const std::string & part, const char * suffix, const std::vector<int64_t> & ne,
                         tensor_role role) {
        placed_tensor tensor;
        tensor.name = names::of_tensor(tower_, block_, part, suffix);
        tensor.ne = ne;
        tensor.role = role;
        tensor.tower = tower_;
        tensor.block = block_;
        tensor.part = part;
        tensor.suffix = suffix;
        list_.push_back(std::move(tensor));
        return list_.back();
    }

    char tower_ = 'v';
    norm_kind norm_ = norm_kind::layer;  // of the tower
    int block_ = -1;
    std::vector<placed_tensor> list_;
};

}  // namespace

std::vector<placed_tensor> place_tensors(const hparams & hp, vision_weights & vision, text_weights & text) {
    return list_builder().run(hp, vision, text);
}

std::vector<expected_tensor> expected_tensors(const hparams & hp) {
    vision_weights vision;
    text_weights text;
    const std::vector<placed_tensor> placed = place_tensors(hp, vision, text);
    return {placed.begin(), placed.end()};
}

}  // namespace ggclip
