// Defaults are those of transformers' Tipsv2VisionConfig and Tipsv2TextConfig. Google's own config.json is flat and
// names the image tower by a function of image_encoder.py (google-deepmind/tips), whose sizes the tensors tell; its
// norms' epsilons are those of that code: 1e-6 for images, nn.LayerNorm's 1e-5 for texts.
#include "formats/families/hf/families.h"

#include "engine/error.h"
#include "formats/layout/bind-tensors.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

namespace {

const field_names dual_fields = {"vision_config.image_size",  "vision_config.patch_size",
                                 "vision_config.hidden_size", "vision_config.num_attention_heads",
                                 "text_config.hidden_size",   "text_config.num_attention_heads",
                                 "preprocessor size",         "preprocessor size"};
const field_names own_fields = {"img_size",         "patch_size",     "embed_dim",         "vision_fn",
                                "text_hidden_size", "text_num_heads", "preprocessor size", "preprocessor size"};

struct named_tower {
    const char * name;
    int32_t n_head;
};
const named_tower own_towers[] = {
    {"vit_small", 6}, {"vit_base", 12}, {"vit_large", 16}, {"vit_so400m", 16}, {"vit_giant2", 24}};

activation read_activation(const json_ref & config, const char * fallback) {
    const std::string word = config.string("hidden_act", fallback);
    activation act = activation::relu;
    if (!parse_activation_or_relu(word, act)) config.get("hidden_act").unsupported("relu, " + words_of(act));
    return act;
}

void set_vision(vision_hparams & vision) {
    vision.present = true;
    vision.pool = pooling::cls;
    vision.has_pre_ln = vision.has_proj = false;
    vision.has_patch_bias = vision.has_layer_scale = true;
    vision.any_grid = true;
    vision.position_filter = grid_filter::bilinear_antialias;
}

void set_gated(vision_hparams & vision, source_names & names) {
    vision.act = activation::silu;
    vision.has_mlp_gate = names.dino_gate_packed = true;
}

void read_vision(const json_ref & config, vision_hparams & vision, source_names & names) {
    set_vision(vision);
    vision.n_embd = config.count("hidden_size", 768, limits::max_width);
    vision.n_layer = config.count("num_hidden_layers", 12, limits::max_layers);
    vision.n_head = config.count("num_attention_heads", 12, limits::max_heads);
    vision.eps = (float) config.real("layer_norm_eps", 1e-6, limits::min_eps, limits::max_eps);
    vision.act = read_activation(config, "gelu");
    vision.n_channel = (int32_t) config.integer("num_channels", 3, 3, 3);
    vision.patch_size = read_side(config, "patch_size", 14, limits::max_patch);
    vision.image_size = read_side(config, "image_size", 448, limits::max_image);
    vision.has_qkv_bias = config.boolean("qkv_bias", true);
    vision.n_register = (int32_t) config.integer("num_register_tokens", 1, 0, limits::max_registers);
    const double n_ff = vision.n_embd * config.real("mlp_ratio", 4.0, 0.01, 64);
    vision.n_ff = (int32_t) std::clamp(n_ff, 1.0, (double) limits::max_ff);
    if (!config.boolean("use_swiglu_ffn", false)) return;
    vision.n_ff = dino_gated_width(vision.n_ff);
    set_gated(vision, names);
}

void set_text(text_hparams & text) {
    text.present = true;
    text.pool = pooling::mean;
    text.has_proj = false;
    text.causal = text.sees_padding = false;
    text.cleaning = text_cleaning::none;
    text.eos_id = -1;
}

void read_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text) {
    set_text(text);
    text.n_vocab = config.count("vocab_size", 32000, limits::max_vocab);
    text.n_embd = config.count("hidden_size", 768, limits::max_width);
    text.n_ff = config.count("intermediate_size", 3072, limits::max_ff);
    text.n_layer = config.count("num_hidden_layers", 12, limits::max_layers);
    text.n_head = config.count("num_attention_heads", 12, limits::max_heads);
    text.eps = (float) config.real("layer_norm_eps", 1e-5, limits::min_eps, limits::max_eps);
    text.act = read_activation(config, "relu");
    const int32_t n_ctx = config.count("max_position_embeddings", 64, limits::max_ctx);
    text.n_ctx = (int32_t) std::min<int64_t>(max_length(tokenizer, n_ctx), n_ctx);
    text.pad_id = (int32_t) config.integer("pad_token_id", 0, 0, text.n_vocab - 1);
    if (config.boolean("scale_sqrt_depth", true)) text.embd_scale = std::sqrt((float) text.n_embd);
}

void read_own_vision(const json_ref & config, const tensor_table & table, vision_hparams & vision,
                     source_names & names) {
    set_vision(vision);
    const std::string function = config.string("vision_fn", "vit_base");
    const auto known = std::find_if(std::begin(own_towers), std::end(own_towers),
                                    [&](const named_tower & tower) { return function == tower.name; });
    if (known == std::end(own_towers))
        config.get("vision_fn").unsupported("vit_small, vit_base, vit_large, vit_so400m and vit_giant2");
    vision.n_head = known->n_head;
    vision.n_embd = config.count("embed_dim", 768, limits::max_width);
    vision.n_layer = count_blocks(table, names.vision_prefix + "blocks.");
    vision.eps = 1e-6f;
    vision.patch_size = config.count("patch_size", 14, limits::max_patch);
    vision.image_size = config.count("img_size", 448, limits::max_image);
    vision.n_register = (int32_t) config.integer("num_register_tokens", 1, 0, limits::max_registers);
    const std::string ffn = config.string("ffn_layer", "mlp");
    if (ffn != "mlp" && ffn != "swiglu") config.get("ffn_layer").unsupported("mlp and swiglu");
    const bool gated = ffn == "swiglu";
    vision.act = activation::gelu_erf;
    if (gated) set_gated(vision, names);
    const char * last = gated ? "w3" : names.mlp_c_fc ? "c_proj" : "fc2";
    vision.n_ff = extent_of(table, names.vision_prefix + "blocks.0.mlp." + last + ".weight", 2, 0, limits::max_ff);
}

void read_own_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text) {
    set_text(text);
    text.n_vocab = config.count("vocab_size", 32000, limits::max_vocab);
    text.n_embd = config.count("text_hidden_size", 768, limits::max_width);
    text.n_ff = config.count("text_mlp_dim", 3072, limits::max_ff);
    text.n_layer = config.count("text_num_layers", 12, limits::max_layers);
    text.n_head = config.count("text_num_heads", 12, limits::max_heads);
    text.act = activation::relu;
    const int32_t n_ctx = config.count("max_len", 64, limits::max_ctx);
    text.n_ctx = (int32_t) std::min<int64_t>(max_length(tokenizer, n_ctx), n_ctx);
    text.pad_id = 0;
    text.embd_scale = std::sqrt((float) text.n_embd);
}

// Which names the file has. A tower that transformers saved alone has no prefix.
source_names names_of(const tensor_table & table) {
    const bool own_vision = has_prefix(table, "vision_encoder.blocks.") || has_tensor(table, "pos_embed"),
               flat_text = has_tensor(table, "ln_final.weight"),
               own_text = flat_text || has_prefix(table, "text_encoder.transformer.");
    source_names names(own_vision ? name_scheme::tips_own : name_scheme::tips,
                       own_text ? name_scheme::open_clip : name_scheme::hf_clip);
    for (const char * prefix : {"vision_model.", "vision_encoder."})
        if (has_prefix(table, prefix)) names.vision_prefix = prefix;
    names.vision_begin = names.vision_prefix + (own_vision ? "patch_embed." : "embeddings.patch_embeddings.");
    names.mlp_c_fc = has_prefix(table, names.vision_prefix + "blocks.0.mlp.c_fc.");
    if (own_text) names.text_prefix = flat_text ? "" : "text_encoder.";
    if (own_text) names.text_begin = names.text_prefix + "token_embedding.";
    names.text_flat = has_tensor(table, "embeddings.token_embedding.weight");
    names.computes_positions = true;
    return names;
}

// The scores' factor is stored as its inverse.
void read_temperature(const json_ref & config, const char * key, const tensor_table & table, hparams & hp) {
    auto temperature = (float) config.real(key, 0.005065968260169029, 1e-30, 1e30);
    if (read_scalar(table, "temperature", temperature) && !(temperature >= 1e-30f && temperature <= 1e30f)) {
        throw_error(
            error_code::CONFIG_INVALID,
            config.file() + ": tensor temperature: expected a number above 0, found " + std::to_string(temperature));
    }
    hp.logit_scale = -std::log(temperature);
}

}  // namespace

bool is_tips_type(const std::string & type) {
    return type == "tipsv2" || type == "tipsv2_vision_model" || type == "tipsv2_text_model";
}

hparams read_tips_config(const hf_files & files, const std::string & type, const read_options & options,
                         const tensor_table & table, source_names & names) {
    const json_ref & config = files.config;
    const bool dual = type == "tipsv2", own = dual && config.get("vision_fn").exists();
    hparams hp;
    hp.family = "tips";
    names = names_of(table);
    if (options.want_vision && type != "tipsv2_text_model") {
        if (own) read_own_vision(config, table, hp.vision, names);
        else read_vision(dual ? config.object("vision_config") : config, hp.vision, names);
        hp.vision.image_size -= hp.vision.image_size % std::min(hp.vision.patch_size, hp.vision.image_size);
        read_hf_preprocessor(files.preprocessor, {image_defaults::tips}, hp.vision, hp.image);
    }
    if (options.want_text && type != "tipsv2_vision_model") {
        if (own) read_own_text(config, files.tokenizer, hp.text);
        else read_text(dual ? config.object("text_config") : config, files.tokenizer, hp.text);
        hp.text.n_position = hp.text.n_ctx;
    }
    if (dual) read_temperature(config, own ? "temperature" : "temperature_init_value", table, hp);
    check_hparams(hp, config.file(), own ? own_fields : dual_fields);
    return hp;
}

}  // namespace ggclip
