// Every hyper-parameter, described once: public name, GGUF key, bounds, and the value when a file lacks the key. The
// GGUF reader and writer, `info`, `inspect` and the conversion test walk these lists, so a new member of hparams.h
// needs only one line here. test/native/hparams-test.cpp compares the number of members and lines.
#pragma once

#include "engine/hparams.h"
#include "engine/names.h"

#include <type_traits>

// Caps on what a model file may request: far above every published model, yet low enough that no product overflows 63
// bits.
namespace ggclip::limits {

constexpr int64_t max_width = 16384;
constexpr int64_t max_layers = 256;
constexpr int64_t max_heads = 1024;
constexpr int64_t max_ff = 131072;
constexpr int64_t max_proj = 16384;
constexpr int64_t max_vocab = 1 << 22;
constexpr int64_t max_ctx = 8192;
constexpr int64_t max_image = 4096;  // pixels per side
constexpr int64_t max_patch = 512;
constexpr int64_t max_conv_layers = 1024;
constexpr int64_t max_kernel = 64;
constexpr int64_t max_tokens = 16384;  // image tower
constexpr int64_t max_registers = 256;
constexpr double max_rotary_base = 1e9, max_rotary_offset = 1024;
constexpr double min_eps = 1e-13, max_eps = 0.1;
constexpr double max_mean = 10, min_std = 1e-4, max_std = 10;
constexpr double max_logit_scale = 80;  // natural log; exp of larger values overflows float
constexpr double max_logit_bias = 1e4;
constexpr double max_alibi_bias = 64;  // published: 8
constexpr int64_t max_bucket = 1024;
constexpr double min_embd_scale = 1e-3, max_embd_scale = 1e3;

}  // namespace ggclip::limits

namespace ggclip {

enum class in_file {
    required,  // a file without the key is rejected
    always,    // always written; the fallback applies if the key is absent
    optional,  // written only if the value differs from the fallback
    derived,   // no key: determined by tensors, other fields or the layout
};

struct hparam {
    const char * name;     // in info(); null: info() shows it differently
    const char * pattern;  // key pattern
    const char * tower;    // replaces the pattern's %s
    in_file kind;
    double min, max;

    std::string key() const { return names::key_of(pattern, tower); }
};

// How a list builds its lines.
struct hparam_lines {
    const char * tower;

    hparam required(const char * name, const char * key, double min = 0, double max = 0) const {
        return {name, key, tower, in_file::required, min, max};
    }
    hparam always(const char * name, const char * key, double min = 0, double max = 0) const {
        return {name, key, tower, in_file::always, min, max};
    }
    hparam optional(const char * name, const char * key, double min = 0, double max = 0) const {
        return {name, key, tower, in_file::optional, min, max};
    }
    hparam derived(const char * name) const { return {name, nullptr, tower, in_file::derived, 0, 0}; }
};

// A visitor is called as visit(hparam, value, fallback); a fallback of {} means none. For values that may differ per
// block: visit(hparam, tower, member of the tower, member of the block). For those of each convolutional layer:
// visit(hparam, layers, member); the first of these lines sets the number of layers. Earlier fields are set before a
// later field's bounds and fallback are computed.

template <class Hparams, class Visitor>
void visit_model(Hparams & hp, Visitor & visit) {
    const hparam_lines line = {""};
    visit(line.optional("name", names::name), hp.name, {});
    visit(line.always("family", names::family), hp.family, std::string("clip"));
    visit(line.optional("license", names::license), hp.license, {});
    visit(line.optional("source", names::source), hp.source, {});
    visit(line.optional("revision", names::revision), hp.revision, {});
    visit(line.derived("dim"), hp.n_proj, {});
    visit(line.always("logitScale", names::logit_scale, -limits::max_logit_scale, limits::max_logit_scale),
          hp.logit_scale, hparams().logit_scale);
    visit(line.always("logitBias", names::logit_bias, -limits::max_logit_bias, limits::max_logit_bias), hp.logit_bias,
          0.0f);
    visit(line.always("sigmoid", names::sigmoid), hp.sigmoid, false);
    // if a file lacks these keys, its tensors determine the value
    visit(line.always(nullptr, names::has_text), hp.text.present, hp.text.present);
    visit(line.always(nullptr, names::has_vision), hp.vision.present, hp.vision.present);
}

template <class Tower, class Visitor>
void visit_tower(Tower & tower, const hparam_lines & line, const tower_hparams & fallback, Visitor & visit) {
    visit(line.required("width", names::embedding_length, 1, limits::max_width), tower.n_embd, {});
    visit(line.required("layers", names::block_count, 0, limits::max_layers), tower.n_layer, {});
    visit(line.required("mlpWidth", names::feed_forward_length, 1, limits::max_ff), tower, &tower_hparams::n_ff,
          &block_hparams::n_ff);
    visit(line.required("heads", names::head_count, 1, limits::max_heads), tower, &tower_hparams::n_head,
          &block_hparams::n_head);
    visit(line.always("headDim", names::key_length, 1, limits::max_width), tower.d_head, 0);
    visit(line.required("normEpsilon", names::layer_norm_eps, limits::min_eps, limits::max_eps), tower.eps, {});
    visit(line.always("activation", names::hidden_act), tower.act, fallback.act);
    visit(line.always("pooling", names::pooling), tower.pool, fallback.pool);
    visit(line.always("normOrder", names::norm_order), tower.order, fallback.order);
    visit(line.always("firstNorm", names::has_pre_ln), tower.has_pre_ln, fallback.has_pre_ln);
    visit(line.always("lastNorm", names::has_post_ln), tower.has_post_ln, fallback.has_post_ln);
    visit(line.always("normAfterPooling", names::norm_after_pool), tower.norm_after_pool, fallback.norm_after_pool);
    visit(line.optional("qkvBias", names::has_qkv_bias), tower.has_qkv_bias, fallback.has_qkv_bias);
    visit(line.optional("norm", names::norm), tower.norm, fallback.norm);
    visit(line.optional("keyBias", names::has_k_bias), tower.has_k_bias, fallback.has_k_bias);
    visit(line.optional("attentionOutputBias", names::has_out_bias), tower.has_out_bias, fallback.has_out_bias);
    visit(line.optional("mlpBias", names::has_mlp_bias), tower.has_mlp_bias, fallback.has_mlp_bias);
    visit(line.optional("mlpFirstBias", names::has_mlp_first_bias), tower.has_mlp_first_bias,
          fallback.has_mlp_first_bias);
    visit(line.optional("mlpGate", names::has_mlp_gate), tower.has_mlp_gate, fallback.has_mlp_gate);
    visit(line.optional("mlpNorm", names::has_mlp_norm), tower.has_mlp_norm, fallback.has_mlp_norm);
    visit(line.optional("mlpInputNorm", names::has_mlp_in_norm), tower.has_mlp_in_norm, fallback.has_mlp_in_norm);
    visit(line.optional("attentionNorm", names::has_attn_norm), tower.has_attn_norm, fallback.has_attn_norm);
    visit(line.optional("queryKeyNorm", names::has_qk_norm), tower.has_qk_norm, fallback.has_qk_norm);
    visit(line.optional("scaledScores", names::scales_scores), tower.scales_scores, fallback.scales_scores);
    visit(line.optional("positionTable", names::has_positions), tower.has_positions, fallback.has_positions);
    visit(line.optional("rotary", names::rotary), tower.rotary, fallback.rotary);
    visit(line.optional("rotaryBase", names::rotary_base, 1, limits::max_rotary_base), tower.rotary_base,
          fallback.rotary_base);
    visit(line.optional("layerScale", names::has_layer_scale), tower.has_layer_scale, fallback.has_layer_scale);
    visit(line.optional("projectionHidden", names::projection_hidden, 1, limits::max_ff), tower.n_proj_hidden,
          fallback.n_proj_hidden);
    visit(line.optional("projectionActivation", names::projection_act), tower.proj_act, fallback.proj_act);
    visit(line.optional("projectionHiddenBias", names::has_projection_hidden_bias), tower.has_proj_hidden_bias,
          fallback.has_proj_hidden_bias);
    visit(line.always("projection", names::has_projection), tower.has_proj, fallback.has_proj);
    visit(line.optional("pooledOutput", names::pooled_output), tower.pooled_output, fallback.pooled_output);
    visit(line.always("projectionBias", names::has_projection_bias), tower.has_proj_bias, fallback.has_proj_bias);
}

// `fallback`: the layout's activation, supplied by the reader.
template <class Hparams, class Visitor>
void visit_vision(Hparams & hp, const vision_hparams & fallback, Visitor & visit) {
    const hparam_lines line = {"vision"};
    auto & vision = hp.vision;
    auto & image = hp.image;
    visit_tower(vision, line, fallback, visit);
    visit(line.required("imageSize", names::image_size, 1, limits::max_image), vision.image_size, {});
    visit(line.required("patchSize", names::patch_size, 1, limits::max_patch), vision.patch_size, {});
    visit(line.derived("channels"), vision.n_channel, {});
    visit(line.always("classToken", names::has_class_embd), vision.has_class_embd, true);
    visit(line.optional("registers", names::registers, 1, limits::max_registers), vision.n_register, 0);
    visit(line.optional("patchNorm", names::has_patch_norm), vision.has_patch_norm, false);
    visit(line.optional("classPosition", names::has_class_position), vision.has_class_position, true);
    visit(line.optional("positionFilter", names::position_filter), vision.position_filter,
          grid_filter::bilinear_antialias);
    visit(line.optional("rotaryGrid", names::rotary_grid, 1, limits::max_image), vision.rotary_grid, 0);
    visit(line.optional("rotaryOffset", names::rotary_offset, -limits::max_rotary_offset, limits::max_rotary_offset),
          vision.rotary_offset, 0.0f);
    visit(line.optional("rotaryColumnFirst", names::rotary_x_first), vision.rotary_x_first, false);
    visit(line.optional("rotaryCoordinates", names::rotary_coordinates), vision.rotary_place,
          rotary_coordinates::index);
    visit(line.optional("poolingWidth", names::pool_width, 1, limits::max_width), vision.n_pool, 0);
    visit(line.optional("poolingNorm", names::has_pool_norm), vision.has_pool_norm, false);
    visit(line.optional("poolingHeads", names::pool_heads, 1, limits::max_heads), vision.n_pool_head, 0);
    visit(line.optional("poolingMlpWidth", names::pool_ff, 1, limits::max_ff), vision.n_pool_ff, 0);
    visit(line.optional("poolingQuery", names::has_pool_query), vision.has_pool_query, true);
    visit(line.optional("poolingBias", names::has_pool_bias), vision.has_pool_bias, true);
    visit(line.optional("poolingMlp", names::has_pool_mlp), vision.has_pool_mlp, true);
    visit(line.always("patchBias", names::has_patch_bias), vision.has_patch_bias, false);
    visit(line.optional("convLayers", names::conv_kind), vision.layers, &conv_layer::kind);
    visit(line.optional(nullptr, names::conv_width, 1, limits::max_width), vision.layers, &conv_layer::n_out);
    visit(line.optional(nullptr, names::conv_kernel, 1, limits::max_kernel), vision.layers, &conv_layer::kernel);
    visit(line.optional(nullptr, names::conv_stride, 1, limits::max_kernel), vision.layers, &conv_layer::stride);
    visit(line.optional(nullptr, names::conv_ff, 0, limits::max_ff), vision.layers, &conv_layer::n_ff);
    visit(line.optional(nullptr, names::conv_has_norm, 0, 1), vision.layers, &conv_layer::has_norm);
    visit(line.optional(nullptr, names::conv_act), vision.layers, &conv_layer::act);
    visit(line.required("mean", names::image_mean, -limits::max_mean, limits::max_mean), image.mean, {});
    visit(line.required("std", names::image_std, limits::min_std, limits::max_std), image.std, {});
    visit(line.always("resizeMode", names::resize_mode), image.mode, resize_mode::shortest);  // as Hugging Face CLIP
    visit(line.always("interpolation", names::interpolation), image.filter, interpolation::bicubic);
    visit(line.always("cropRounding", names::crop_rounding), image.rounding, crop_rounding::floor);
    visit(line.optional("anyGrid", names::any_grid), vision.any_grid, false);
    visit(line.optional("maxPatches", names::max_patches, 1, limits::max_tokens), image.max_patches, 0);
    visit(line.always("resizeSize", names::resize_size, 1, limits::max_image), image.resize, vision.image_size);
    visit(line.optional("cropSize", names::crop_size, 1, limits::max_image), image.crop, vision.image_size);
    visit(line.derived(nullptr), image.patch, {});
    visit(line.always("fillColor", names::fill_color, 0, 255), image.fill, image_hparams().fill);
    visit(line.always("backgroundColor", names::background_color, 0, 255), image.background,
          image_hparams().background);
}

template <class Hparams, class Visitor>
void visit_text(Hparams & hp, const text_hparams & fallback, Visitor & visit) {
    const hparam_lines line = {"text"};
    auto & text = hp.text;
    visit_tower(text, line, fallback, visit);
    visit(line.derived("vocabSize"), text.n_vocab, {});
    visit(line.required("contextLength", names::context_length, 1, limits::max_ctx), text.n_ctx, {});
    visit(line.derived("positions"), text.n_position, {});
    visit(line.derived("tokenTypes"), text.n_token_type, {});
    visit(line.optional("classToken", names::has_class_embd), text.has_class_embd, false);
    visit(line.always("causal", names::causal), text.causal, true);
    visit(line.optional("alibiMaxBias", names::max_alibi_bias, 0, limits::max_alibi_bias), text.max_alibi_bias, 0.0f);
    visit(line.optional("positionBuckets", names::position_buckets, 0, limits::max_bucket), text.n_bucket, 0);
    visit(line.optional("positionBucketDistance", names::bucket_distance, 1, limits::max_ctx), text.bucket_distance,
          128);
    visit(line.always("seesPadding", names::sees_padding), text.sees_padding, !text.causal);
    visit(line.optional("positionOffset", names::position_offset, 0, limits::max_ctx), text.position_offset, 0);
    visit(line.optional("embeddingScale", names::embedding_scale, limits::min_embd_scale, limits::max_embd_scale),
          text.embd_scale, 1.0f);
    visit(line.optional("mixerKernel", names::mixer_kernel, 0, limits::max_kernel), text.mixer_kernel, 0);
    visit(line.optional("mixerMlpWidth", names::mixer_ff, 0, limits::max_ff), text.n_mixer_ff, 0);
    visit(line.always("cleaning", names::cleaning), text.cleaning, text_cleaning::whitespace_lower);
    visit(line.optional("bosId", names::bos_id, 0, text.n_vocab - 1), text.bos_id, fallback.bos_id);
    visit(line.optional("eosId", names::eos_id, 0, text.n_vocab - 1), text.eos_id, fallback.eos_id);
    visit(line.optional("padId", names::pad_id, 0, text.n_vocab - 1), text.pad_id, fallback.pad_id);
}

// Defaults for keys absent from a file of our layout.
inline vision_hparams vision_fallback() { return hparams().vision; }
inline text_hparams text_fallback() {
    text_hparams text;
    text.pool = pooling::eot;
    text.pad_id = -1;  // taken from the tokenizer
    return text;
}

// All hyper-parameters of the towers present.
template <class Hparams, class Visitor>
void visit_hparams(Hparams & hp, Visitor & visit) {
    visit_model(hp, visit);
    if (hp.vision.present) visit_vision(hp, vision_fallback(), visit);
    if (hp.text.present) visit_text(hp, text_fallback(), visit);
}

}  // namespace ggclip
