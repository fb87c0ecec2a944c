// Models with random shapes and weights, built in memory: every kind of tower a file can describe.
#pragma once

#include "engine/weights/block-rows.h"
#include "engine/weights/model-source.h"
#include "engine/weights/tensor-convert.h"
#include "formats/layout/names/tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace test {

using namespace ggclip;

class dice {
  public:
    explicit dice(uint32_t seed) : engine_(seed) {}

    int between(int least, int most) { return least + (int) (engine_() % (uint32_t) (most - least + 1)); }
    bool coin() { return between(0, 1) == 1; }
    template <class T>
    T one_of(std::initializer_list<T> values) {
        return values.begin()[between(0, (int) values.size() - 1)];
    }
    float normal() {  // not std::normal_distribution: the same numbers with every standard library
        float sum = 0;
        for (int i = 0; i < 12; i++) sum += (float) (engine_() >> 8) / (float) (1 << 24);
        return sum - 6;
    }

  private:
    std::mt19937 engine_;
};

inline int random_heads(dice & dice, int n_embd) {
    std::vector<int> heads;
    for (int n = 1; n <= 6; n++)
        if (n_embd % n == 0) heads.push_back(n);
    return heads[(size_t) dice.between(0, (int) heads.size() - 1)];
}

inline void random_tower(dice & dice, int n_embd, tower_hparams & tower) {
    tower.present = true;
    tower.n_embd = n_embd;
    tower.n_head = random_heads(dice, n_embd);
    tower.d_head = n_embd / tower.n_head;
    tower.n_ff = dice.one_of({7, 32, 45, 64, 96, 256});
    tower.n_layer = dice.between(1, 3);
    tower.act = dice.one_of(
        {activation::quick_gelu, activation::gelu_erf, activation::gelu_tanh, activation::silu, activation::relu});
    tower.order = dice.one_of({norm_order::pre, norm_order::pre, norm_order::post, norm_order::branch});
    tower.norm = dice.between(0, 3) == 0 ? norm_kind::rms : norm_kind::layer;
    tower.has_pre_ln = dice.coin();
    tower.has_post_ln = dice.between(0, 3) > 0;
    tower.has_qkv_bias = dice.between(0, 3) > 0;
    const auto rarely = [&] { return dice.between(0, 3) == 0; };
    tower.has_k_bias = !rarely();
    tower.has_out_bias = !rarely();
    tower.has_mlp_bias = !rarely();
    tower.has_mlp_first_bias = !rarely();
    tower.scales_scores = !rarely();
    tower.has_mlp_gate = dice.coin();
    tower.has_mlp_norm = rarely();
    tower.has_mlp_in_norm = rarely();
    tower.has_attn_norm = rarely();
    tower.has_qk_norm = rarely();
    if (tower.d_head % 4 == 0)
        tower.rotary = dice.one_of({rotary_pairs::none, rotary_pairs::neighbours, rotary_pairs::halves});
    tower.rotary_base = dice.one_of({100.0f, 10000.0f});
    tower.has_positions = tower.rotary == rotary_pairs::none || dice.coin();
    tower.has_layer_scale = dice.between(0, 3) == 0;
    tower.has_proj_bias = dice.coin();
    tower.n_proj_hidden = dice.between(0, 3) == 0 ? dice.between(5, 40) : 0;
    tower.proj_act = dice.one_of({activation::gelu_erf, activation::tanh, activation::none});
    tower.has_proj_hidden_bias = tower.n_proj_hidden > 0 && dice.coin();
    if (dice.between(0, 4) > 0) return;
    for (int il = 0; il < tower.n_layer; il++)
        tower.pruned.push_back({dice.between(1, tower.n_head), dice.between(3, tower.n_ff)});
}

inline void random_layers(dice & dice, vision_hparams & vision);

inline void random_vision(dice & dice, vision_hparams & vision) {
    random_tower(dice, dice.one_of({12, 30, 32, 64, 72, 256}), vision);
    vision.patch_size = dice.one_of({2, 3, 5, 8, 14});
    vision.image_size = vision.patch_size * dice.between(1, 4);
    vision.any_grid = dice.between(0, 3) == 0;
    if (!vision.any_grid)
        vision.image_size += dice.between(0, vision.patch_size - 1);  // patches that do not cover the picture
    vision.has_patch_bias = dice.coin();
    vision.has_class_embd = dice.coin();
    vision.n_register = dice.between(0, 2) == 0 ? dice.between(1, 4) : 0;
    vision.has_patch_norm = dice.between(0, 3) == 0;
    vision.has_class_position = dice.between(0, 3) > 0;
    vision.position_filter =
        dice.one_of({grid_filter::bilinear_antialias, grid_filter::bicubic_antialias, grid_filter::bicubic});
    vision.rotary_grid = dice.between(0, 2) == 0 ? dice.between(1, 9) : 0;
    vision.rotary_offset = dice.one_of({0.0f, 1.0f});
    vision.rotary_x_first = dice.coin();
    vision.rotary_place = dice.one_of({rotary_coordinates::index, rotary_coordinates::centered});
    vision.n_pool = dice.between(0, 2) == 0 ? dice.one_of({12, 30, 64}) : 0;
    vision.n_pool_head = vision.n_pool > 0 || dice.coin() ? random_heads(dice, vision.pool_width()) : 0;
    vision.has_pool_norm = dice.between(0, 2) == 0;
    vision.n_pool_ff = dice.coin() ? dice.between(5, 40) : 0;
    vision.has_pool_query = dice.coin();
    vision.has_pool_bias = dice.coin();
    vision.has_pool_mlp = dice.coin();
    vision.pool = vision.has_class_embd ? dice.one_of({pooling::cls, pooling::mean, pooling::attention})
                                        : dice.one_of({pooling::mean, pooling::attention});
    vision.norm_after_pool = vision.has_post_ln && vision.pool != pooling::cls && dice.coin();
    if (vision.pool == pooling::attention) vision.pruned.clear();
    if (dice.between(0, 2) == 0) random_layers(dice, vision);
}

// A layer of any kind that fits a map of `size` pixels a side with `n_in` channels, both multiples of a head's four.
inline conv_layer random_layer(dice & dice, int n_in, int size) {
    conv_layer layer;
    layer.kind = dice.one_of({conv_kind::conv, conv_kind::depthwise, conv_kind::norm, conv_kind::mlp,
                              conv_kind::attention, conv_kind::pool, conv_kind::bottleneck, conv_kind::mb_conv});
    const bool moves =
        layer.kind == conv_kind::norm || layer.kind == conv_kind::mlp || layer.kind == conv_kind::attention;
    const bool keeps = moves || layer.kind == conv_kind::pool;
    layer.n_out = keeps ? n_in : dice.one_of({8, 12, 32, 40});
    if (layer.kind == conv_kind::depthwise) layer.n_out = n_in * dice.between(1, n_in > 16 ? 1 : 3);
    layer.stride = moves || size < 4 ? 1 : dice.between(1, 2);
    layer.kernel = layer.kind == conv_kind::mb_conv ? 3 : dice.one_of({1, 3, 5, 7});
    layer.n_ff = dice.one_of({7, 12, 32, 64});
    if (layer.kind == conv_kind::depthwise && dice.coin()) layer.n_ff = 0;
    layer.has_norm = dice.coin();
    layer.act = dice.one_of(
        {activation::none, activation::quick_gelu, activation::gelu_erf, activation::gelu_tanh, activation::relu});
    return layer;
}

// Convolutional layers as the stem of the tower, or instead of its blocks.
inline void random_layers(dice & dice, vision_hparams & vision) {
    vision.image_size = dice.between(6, 20);
    vision.patch_size = 1;
    vision.any_grid = vision.has_patch_bias = false;
    vision.rotary = rotary_pairs::none;
    vision.n_pool = vision.n_pool_head = 0;
    conv_layer stem;
    stem.n_out = dice.one_of({8, 12, 32});
    stem.kernel = dice.between(1, 4);
    stem.stride = dice.between(1, stem.kernel);
    stem.act = activation::relu;
    vision.layers = {stem};
    int size = stem.out_size(vision.image_size);
    for (int i = dice.between(0, 5); i > 0; i--) {
        vision.layers.push_back(random_layer(dice, vision.layers.back().n_out, size));
        size = vision.layers.back().out_size(size);
    }
    vision.n_embd = vision.layers.back().n_out;
    vision.d_head = 4;
    vision.n_head = vision.n_embd / 4;
    vision.pruned.clear();
    if (dice.coin()) return;
    vision.n_layer = 0;
    vision.has_class_embd = false;
    vision.pool = dice.one_of({pooling::mean, pooling::mean_query});
    if (vision.pool == pooling::mean_query) {
        vision.has_post_ln = false;
        vision.n_register = 0;
    }
    vision.norm_after_pool = vision.has_post_ln && dice.coin();
}

inline void random_text(dice & dice, text_hparams & text) {
    random_tower(dice, dice.one_of({12, 20, 32, 64, 256}), text);
    text.n_vocab = dice.between(20, 90);
    text.n_ctx = dice.between(3, 24);
    text.causal = dice.coin();
    text.sees_padding = dice.between(0, 3) == 0;
    text.pool = dice.one_of({pooling::eot, pooling::last, pooling::cls, pooling::mean});
    if (text.pool == pooling::mean && (text.causal || text.sees_padding))
        text.pool = pooling::eot;  // files cannot request it
    text.has_class_embd = text.causal && text.pool == pooling::last && dice.coin();
    if (text.pool == pooling::last) text.sees_padding = !text.has_class_embd;
    if (text.sees_padding && dice.coin()) {
        text.mixer_kernel = dice.one_of({1, 3, 11});
        text.n_mixer_ff = dice.between(5, 40);
    }
    text.eos_id = text.pool == pooling::eot && dice.coin() ? dice.between(1, text.n_vocab - 1) : -1;
    text.position_offset = text.causal ? 0 : dice.one_of({0, 0, 2});
    text.n_position = text.n_ctx + text.position_offset + (text.causal ? 0 : dice.between(0, 3));
    if (!text.has_positions) text.n_position = 0;
    text.n_token_type = text.causal ? 0 : dice.between(0, 2);
    text.pad_id = dice.one_of({0, 1});
    text.max_alibi_bias = dice.one_of({0.0f, 0.0f, 3.5f, 8.0f});
    if (text.pruned.empty() && dice.coin()) {
        text.n_bucket = dice.one_of({4, 8, 32});
        text.bucket_distance = dice.one_of({10, 20});
    }
    text.embd_scale = dice.one_of({1.0f, 1.0f, 5.5f});
}

inline hparams random_hparams(dice & dice) {
    hparams hp;
    hp.name = hp.family = "tiny";
    hp.n_proj = dice.between(3, 48);
    random_vision(dice, hp.vision);
    random_text(dice, hp.text);
    hp.vision.has_proj = dice.between(0, 3) > 0;
    if (!hp.vision.has_proj) {
        hp.vision.has_proj_bias = false;
        hp.vision.n_proj_hidden = 0;
        hp.vision.has_proj_hidden_bias = false;
        hp.n_proj = hp.vision.pool == pooling::attention ? hp.vision.pool_width() : hp.vision.n_embd;
    }
    hp.image.resize = hp.image.crop = hp.vision.image_size;
    return hp;
}

// Weights like a trained network's: attention that prefers some tokens, norms around one.
inline float random_weight(dice & dice, const expected_tensor & tensor) {
    const bool norm = tensor.ne.size() == 1 && strcmp(tensor.suffix, "weight") == 0;
    int64_t n_in = 1;
    for (size_t i = 0; i + 1 < tensor.ne.size(); i++) n_in *= tensor.ne[i];
    if (norm) return 1 + 0.2f * dice.normal();
    return (tensor.ne.size() == 1 ? 0.3f : 1.5f / std::sqrt((float) n_in)) * dice.normal();
}

// Zeros fill rows to whole blocks.
inline void quantize_rows(const std::vector<float> & values, const source_tensor & tensor, uint8_t * dst) {
    const int64_t width = tensor.ne[0], whole = whole_blocks(tensor.type, width);
    std::vector<float> row((size_t) whole);
    for (size_t at = 0; at < values.size(); at += (size_t) width, dst += row_bytes(tensor.type, width)) {
        std::copy_n(values.begin() + (ptrdiff_t) at, width, row.begin());
        ggml_quantize_chunk(tensor.type, row.data(), dst, 0, 1, whole, nullptr);
    }
}

// `stored`: type of matrices, with zeros after rows that do not fill whole blocks; other tensors are f32.
inline std::shared_ptr<model_source> make_model(const hparams & hp, dice & dice, ggml_type stored = GGML_TYPE_F32) {
    auto source = std::make_shared<model_source>();
    source->hp = hp;
    source->path = "tiny";
    source->format = "memory";
    for (const expected_tensor & tensor : expected_tensors(hp)) {
        source_tensor out;
        out.name = out.origin = tensor.name;
        out.role = tensor.role;
        out.n_dims = (int) tensor.ne.size();
        int64_t n = 1;
        for (size_t i = 0; i < tensor.ne.size(); i++) n *= out.ne[i] = tensor.ne[i];
        std::vector<float> values((size_t) n);
        for (float & value : values) value = random_weight(dice, tensor);
        const bool matrix =
            tensor.role == tensor_role::matrix || (tensor.ne.size() == 2 && tensor.ne[0] % ggml_blck_size(stored) == 0);
        out.type = matrix ? stored : GGML_TYPE_F32;
        out.n_bytes = converted_size(out, out.type);
        auto memory = std::make_shared<bytes_in_memory>(out.n_bytes);
        if (out.type == GGML_TYPE_F32) memcpy(memory->bytes.data(), values.data(), out.n_bytes);
        else quantize_rows(values, out, memory->bytes.data());
        out.bytes = std::move(memory);
        source->tensors.push_back(out);
    }
    return source;
}

// A picture as a tower takes it, with its backing values.
struct picture {
    int width = 0, height = 0;
    std::vector<float> pixels;

    image_tensor tensor() const { return {pixels.data(), width, height}; }
};

inline picture random_picture(dice & dice, const vision_hparams & hp) {
    picture out;
    out.width = hp.any_grid ? hp.patch_size * dice.between(1, 5) : hp.image_size;
    out.height = hp.any_grid ? hp.patch_size * dice.between(1, 5) : hp.image_size;
    out.pixels.resize((size_t) hp.n_channel * (size_t) out.width * (size_t) out.height);
    for (float & value : out.pixels) value = dice.normal();
    return out;
}

inline std::vector<int32_t> random_text_ids(dice & dice, const text_hparams & hp) {
    const int n_real = dice.between(1, hp.n_ctx);
    std::vector<int32_t> ids((size_t) (hp.sees_padding || dice.coin() ? hp.n_ctx : n_real), hp.pad_id);
    for (int i = 0; i < n_real; i++) ids[(size_t) i] = dice.between(2, hp.n_vocab - 1);
    return ids;
}

// The largest difference, relative to the largest magnitude of b; infinite where a is not finite.
inline float largest_difference(const std::vector<float> & a, const std::vector<float> & b) {
    float difference = 0, magnitude = 0;
    for (size_t i = 0; i < b.size(); i++) {
        difference = std::max(difference, std::isfinite(a[i]) ? std::fabs(a[i] - b[i]) : INFINITY);
        magnitude = std::max(magnitude, std::fabs(b[i]));
    }
    return difference == 0 ? 0 : difference / magnitude;
}

}  // namespace test
