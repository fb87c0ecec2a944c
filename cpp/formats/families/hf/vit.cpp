// Defaults are those of transformers' Dinov2Config, Dinov2WithRegistersConfig, DINOv3ViTConfig, Aimv2VisionConfig and
// Aimv2TextConfig.
#include "formats/families/hf/families.h"

#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names alone_fields = {"image_size",  "patch_size",          "hidden_size",       "num_attention_heads",
                                  "hidden_size", "num_attention_heads", "preprocessor size", "preprocessor crop_size"};
const field_names dual_fields = {"vision_config.image_size",  "vision_config.patch_size",
                                 "vision_config.hidden_size", "vision_config.num_attention_heads",
                                 "text_config.hidden_size",   "text_config.num_attention_heads",
                                 "preprocessor size",         "preprocessor crop_size"};

activation read_activation(const json_ref & config, const char * fallback) {
    activation act = activation::none;
    if (!parse_activation(config.string("hidden_act", fallback), act))
        config.get("hidden_act").unsupported(words_of(act));
    return act;
}

// What all DINO towers have: the class token's last state is the embedding, and pictures may have any grid of patches.
void set_dino(const json_ref & config, int32_t n_embd, int32_t n_head, double eps, vision_hparams & vision) {
    vision.present = true;
    vision.n_embd = config.count("hidden_size", n_embd, limits::max_width);
    vision.n_layer = config.count("num_hidden_layers", 12, limits::max_layers);
    vision.n_head = config.count("num_attention_heads", n_head, limits::max_heads);
    vision.eps = (float) config.real("layer_norm_eps", eps, limits::min_eps, limits::max_eps);
    vision.act = read_activation(config, "gelu");
    vision.n_channel = (int32_t) config.integer("num_channels", 3, 3, 3);
    vision.pool = pooling::cls;
    vision.has_pre_ln = vision.has_proj = false;
    vision.has_patch_bias = vision.has_layer_scale = true;
    vision.any_grid = true;
}

void read_dinov2(const json_ref & config, bool registers, const tensor_table & table, vision_hparams & vision,
                 source_names & names) {
    set_dino(config, 768, 12, 1e-6, vision);
    vision.patch_size = read_side(config, "patch_size", 14, limits::max_patch);
    vision.image_size = read_side(config, "image_size", 224, limits::max_image);
    vision.image_size -= vision.image_size % std::min(vision.patch_size, vision.image_size);
    const double n_ff = vision.n_embd * config.real("mlp_ratio", 4.0, 0.01, 64);
    vision.n_ff = (int32_t) std::clamp(n_ff, 1.0, (double) limits::max_ff);
    vision.has_qkv_bias = config.boolean("qkv_bias", true);
    vision.n_register = registers ? (int32_t) config.integer("num_register_tokens", 4, 0, limits::max_registers) : 0;
    vision.position_filter = registers ? grid_filter::bicubic_antialias : grid_filter::bicubic;
    if (!config.boolean("use_swiglu_ffn", false)) return;
    vision.n_ff = dino_gated_width(vision.n_ff);
    vision.act = activation::silu;
    vision.has_mlp_gate = names.dino_gate_packed = true;
    if (!has_tensor(table, names.vision_prefix + "encoder.layer.0.mlp.weights_in.weight"))
        config.get("use_swiglu_ffn").invalid("false, as the tensors have no mlp.weights_in");
}

void read_dinov3(const json_ref & config, vision_hparams & vision) {
    set_dino(config, 384, 6, 1e-5, vision);
    vision.patch_size = read_side(config, "patch_size", 16, limits::max_patch);
    vision.image_size = read_side(config, "image_size", 224, limits::max_image);
    vision.image_size -= vision.image_size % std::min(vision.patch_size, vision.image_size);
    vision.n_ff = config.count("intermediate_size", 1536, limits::max_ff);
    vision.has_qkv_bias = config.boolean("query_bias", true);
    if (config.boolean("value_bias", true) != vision.has_qkv_bias)
        config.get("value_bias").unsupported("biases of queries and values, or of neither");
    vision.has_k_bias = config.boolean("key_bias", false);
    if (vision.has_k_bias && !vision.has_qkv_bias) config.get("key_bias").unsupported("false without query_bias");
    vision.has_out_bias = config.boolean("proj_bias", true);
    vision.has_mlp_bias = config.boolean("mlp_bias", true);
    vision.has_mlp_gate = config.boolean("use_gated_mlp", false);
    vision.n_register = (int32_t) config.integer("num_register_tokens", 0, 0, limits::max_registers);
    vision.has_positions = vision.has_class_position = false;
    vision.rotary = rotary_pairs::halves;
    vision.rotary_base = (float) config.real("rope_theta", 100.0, 1, limits::max_rotary_base);
    vision.rotary_place = rotary_coordinates::centered;
}

void read_aimv2_tower(const json_ref & config, int32_t n_embd, int32_t n_ff, int32_t n_layer, int32_t n_head,
                      tower_hparams & tower) {
    tower.present = true;
    tower.n_embd = config.count("hidden_size", n_embd, limits::max_width);
    tower.n_ff = config.count("intermediate_size", n_ff, limits::max_ff);
    tower.n_layer = config.count("num_hidden_layers", n_layer, limits::max_layers);
    tower.n_head = config.count("num_attention_heads", n_head, limits::max_heads);
    tower.eps = (float) config.real("rms_norm_eps", 1e-5, limits::min_eps, limits::max_eps);
    tower.act = read_activation(config, "silu");
    tower.norm = norm_kind::rms;
    tower.has_qkv_bias = tower.has_out_bias = config.boolean("qkv_bias", false);
    tower.has_mlp_bias = config.boolean("mlp_bias", false);
    tower.has_mlp_gate = true;
    tower.has_pre_ln = false;
}

void read_aimv2_vision(const json_ref & config, vision_hparams & vision) {
    read_aimv2_tower(config, 1024, 2816, 24, 8, vision);
    if (config.boolean("is_native", false)) config.get("is_native").unsupported("AIMv2 of one image size (false)");
    if (!config.boolean("use_head", true))
        config.get("use_head")
            .unsupported("AIMv2 with an attention-pooling head (true): without it, no vector is defined");
    vision.image_size = read_side(config, "image_size", 224, limits::max_image);
    vision.patch_size = read_side(config, "patch_size", 14, limits::max_patch);
    vision.n_channel = (int32_t) config.integer("num_channels", 3, 3, 3);
    vision.has_class_embd = false;
    vision.has_patch_bias = vision.has_patch_norm = true;
    vision.pool = pooling::attention;
    vision.has_pool_query = vision.has_pool_mlp = false;
    vision.has_pool_bias = vision.has_qkv_bias;
}

void read_aimv2_text(const json_ref & config, text_hparams & text) {
    read_aimv2_tower(config, 768, 2048, 12, 6, text);
    text.n_vocab = config.count("vocab_size", 49408, limits::max_vocab);
    text.n_ctx = config.count("max_position_embeddings", 77, limits::max_ctx);
    text.pool = pooling::eot;
    text.causal = true;
    text.pad_id = -1;
    text.eos_id = (int32_t) config.integer("eos_token_id", 49407, 0, text.n_vocab - 1);
    text.cleaning = text_cleaning::whitespace_lower;
}

}  // namespace

int32_t read_side(const json_ref & config, const char * key, int32_t fallback, int64_t max) {
    const json_ref value = config.get(key);
    if (!value.is(kind_t::array)) return config.count(key, fallback, max);
    const int64_t first = value.at(0).as_integer(1, max);
    if (value.value()->items.size() != 2 || value.at(1).as_integer(1, max) != first) value.unsupported("a square");
    return (int32_t) first;
}

int32_t dino_gated_width(int32_t n_ff) { return ((int32_t) (n_ff * 2 / 3) + 7) / 8 * 8; }

bool is_dino_type(const std::string & type) {
    return type == "dinov2" || type == "dinov2_with_registers" || type == "dinov3_vit";
}

bool is_aimv2_type(const std::string & type) {
    return type == "aimv2" || type == "aimv2_vision_model" || type == "aimv2_text_model";
}

hparams read_dino_config(const hf_files & files, const std::string & type, const read_options & options,
                         const tensor_table & table, source_names & names) {
    const bool three = type == "dinov3_vit";
    hparams hp;
    hp.family = three ? "dinov3" : "dinov2";
    names = source_names(three ? name_scheme::dinov3 : name_scheme::dinov2);
    for (const char * prefix : {"dinov2.", "dinov2_with_registers.", "dinov3_vit."})  // ...ForImageClassification
        if (has_prefix(table, prefix)) names.vision_prefix = prefix;
    names.vision_begin = names.vision_prefix + "embeddings.patch_embeddings.";
    if (!options.want_vision) return hp;
    if (three) read_dinov3(files.config, hp.vision);
    else read_dinov2(files.config, type != "dinov2", table, hp.vision, names);
    read_hf_preprocessor(files.preprocessor, {three ? image_defaults::dinov3 : image_defaults::dinov2}, hp.vision,
                         hp.image);
    check_hparams(hp, files.config.file(), alone_fields);
    return hp;
}

hparams read_aimv2_config(const hf_files & files, const std::string & type, const read_options & options,
                          const tensor_table & table, source_names & names) {
    const bool dual = type == "aimv2";
    hparams hp;
    hp.family = "aimv2";
    names = source_names(name_scheme::aimv2);
    names.vision_flat = has_prefix(table, "embeddings.patch_embed.");
    names.text_flat = has_tensor(table, "embeddings.token_embedding.weight");
    names.vision_begin = names.vision_flat ? "embeddings.patch_embed." : "vision_model.";
    if (options.want_vision && type != "aimv2_text_model") {
        read_aimv2_vision(dual ? files.config.object("vision_config") : files.config, hp.vision);
        hp.vision.has_proj = dual;
        read_hf_preprocessor(files.preprocessor, {image_defaults::clip}, hp.vision, hp.image);
    }
    if (options.want_text && type != "aimv2_vision_model") {
        read_aimv2_text(dual ? files.config.object("text_config") : files.config, hp.text);
        hp.text.has_proj = dual;
    }
    check_hparams(hp, files.config.file(), dual ? dual_fields : alone_fields);
    return hp;
}

}  // namespace ggclip
