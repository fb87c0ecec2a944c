// Defaults are those of open_clip's CLIPVisionCfg, CLIPTextCfg (src/open_clip/model.py) and PreprocessCfg
// (src/open_clip/transform.py). Every key that would change the network is listed with the values that leave
// it a plain CLIP; an unknown key is refused, because it may change the network as well.
#include "formats/families/open-clip/open-clip.h"

#include "formats/families/conv/towers.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"
#include "formats/families/open-clip/keys.h"
#include "formats/families/timm/timm.h"

#include <cstring>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names open_clip_fields = {"model_cfg.vision_cfg.image_size",
                                      "model_cfg.vision_cfg.patch_size",
                                      "model_cfg.vision_cfg.width",
                                      "model_cfg.vision_cfg.head_width",
                                      "model_cfg.text_cfg.width",
                                      "model_cfg.text_cfg.heads",
                                      "preprocess_cfg.size",
                                      "preprocess_cfg.size"};

const known_key model_keys[] = {
    {"embed_dim", nullptr},       {"vision_cfg", nullptr},
    {"text_cfg", nullptr},        {"quick_gelu", nullptr},
    {"custom_text", nullptr},     {"cast_dtype", nullptr},
    {"output_dict", nullptr},     {"init_logit_scale", nullptr},
    {"init_logit_bias", nullptr}, {"nonscalar_logit_scale", nullptr},
    {"multimodal_cfg", nullptr},  {"pad_id", nullptr},
    {"architectures", nullptr},   {"auto_map", nullptr},  // of transformers, where this is config.json
    {"_commit_hash", nullptr},
};

const known_key vision_keys[] = {
    {"layers", nullptr},
    {"width", nullptr},
    {"head_width", nullptr},
    {"mlp_ratio", nullptr},
    {"patch_size", nullptr},
    {"image_size", nullptr},
    {"patch_dropout", nullptr},
    {"output_tokens", nullptr},
    {"attn_pooler_queries", nullptr},
    {"attn_pooler_heads", nullptr},
    {"act_kwargs", nullptr},
    {"norm_kwargs", nullptr},
    {"pos_embed_type", nullptr},
    {"attentional_pool", nullptr},
    {"no_ln_pre", nullptr},
    {"final_ln_after_pool", nullptr},
    {"pool_type", nullptr},
    {"ls_init_value", nullptr},
    {"block_type", "default"},
    {"qk_norm", "false"},
    {"scaled_cosine_attn", "false"},
    {"scale_heads", "false"},
    {"scale_attn_inner", "false"},
    {"scale_attn", "false"},
    {"scale_fc", "false"},
    {"timm_model_name", nullptr},
    {"timm_model_kwargs", nullptr},
    {"timm_model_pretrained", nullptr},
    {"timm_pool", nullptr},
    {"timm_proj", nullptr},
    {"timm_proj_bias", nullptr},
    {"timm_drop", nullptr},
    {"timm_drop_path", nullptr},
};

const known_key text_keys[] = {
    {"context_length", nullptr},
    {"vocab_size", nullptr},
    {"width", nullptr},
    {"heads", nullptr},
    {"layers", nullptr},
    {"mlp_ratio", nullptr},
    {"pad_id", nullptr},
    {"bos_id", nullptr},
    {"eos_id", nullptr},
    {"output_tokens", nullptr},
    {"act_kwargs", nullptr},
    {"norm_kwargs", nullptr},
    {"text_arch", "clip"},
    {"variable_text", "false"},
    {"embed_cls", nullptr},
    {"no_causal_mask", nullptr},
    {"final_ln_after_pool", "false"},
    {"ls_init_value", nullptr},
    {"pool_type", nullptr},
    {"proj_bias", nullptr},
    {"proj_type", nullptr},
    {"hf_tokenizer_name", nullptr},
    {"tokenizer_kwargs", nullptr},
    {"tokenizer_mode", "absent"},
    {"hf_model_name", nullptr},
    {"hf_model_config", nullptr},
    {"block_type", "default"},
    {"qk_norm", "false"},
    {"scaled_cosine_attn", "false"},
    {"scale_heads", "false"},
    {"scale_attn_inner", "false"},
    {"scale_attn", "false"},
    {"scale_fc", "false"},
    {"hf_model_pretrained", nullptr},
    {"hf_proj_type", nullptr},
    {"hf_pooler_type", nullptr},
    {"pooler_type", nullptr},
    {"proj", nullptr},
};

// act_kwargs {"approximate": "tanh"} is torch.nn.GELU's tanh form; norm_kwargs {"eps": x} is LayerNorm's.
void read_kwargs(const json_ref & config, tower_hparams & tower) {
    const json_ref act = config.object("act_kwargs"), norm = config.object("norm_kwargs");
    for (const std::string & key : act.exists() ? act.value()->keys : std::vector<std::string>()) {
        const bool tanh = key == "approximate" && act.string("approximate", "") == "tanh";
        if (!tanh || tower.act == activation::quick_gelu)
            act.get(key.c_str()).unsupported("{\"approximate\": \"tanh\"}");
        tower.act = activation::gelu_tanh;
    }
    for (const std::string & key : norm.exists() ? norm.value()->keys : std::vector<std::string>())
        if (key != "eps") norm.get(key.c_str()).unsupported("{\"eps\": number}");
    tower.eps = (float) norm.real("eps", 1e-5, limits::min_eps, limits::max_eps);
}

void read_tower(const json_ref & config, int32_t width, tower_hparams & tower) {
    tower.present = true;
    tower.n_embd = (int32_t) config.integer("width", width, 1, limits::max_width);
    if (config.get("layers").is(kind_t::array)) config.get("layers").invalid("an integer");
    tower.n_layer = (int32_t) config.integer("layers", 12, 1, limits::max_layers);
    // int(width * mlp_ratio), in double as in Python
    const double n_ff = tower.n_embd * config.real("mlp_ratio", 4.0, 0.01, 64);
    if (n_ff < 1 || n_ff > (double) limits::max_ff)
        config.get("mlp_ratio").invalid("an MLP width of 1 to " + std::to_string(limits::max_ff));
    tower.n_ff = (int32_t) n_ff;
    tower.has_layer_scale = config.get("ls_init_value").exists();
}

// CoCa's AttentionalPooler (open_clip/transformer.py): many learned queries attend to all tokens, for the decoder of
// captions; the embedding is the first one's result, normalised.
void read_attentional_pool(const json_ref & config, int32_t n_proj, const tensor_table & table, vision_hparams & vision,
                           source_names & names) {
    if (vision.pool != pooling::cls) config.get("pool_type").unsupported("\"tok\" with attentional_pool");
    vision.pool = pooling::attention;
    vision.n_pool = n_proj == vision.n_embd ? 0 : n_proj;
    vision.n_pool_head = (int32_t) config.integer("attn_pooler_heads", 8, 1, limits::max_heads);
    vision.has_pool_norm = vision.norm_after_pool = true;
    vision.has_pool_mlp = false;
    names.n_pool_query = extent_of(table, "visual.attn_pool.query", 2, 1, limits::max_tokens);
    names.pool_qkv_apart = has_tensor(table, "visual.attn_pool.attn.q_proj_weight");
}

void read_vision(const json_ref & config, int32_t n_proj, const tensor_table & table, vision_hparams & vision,
                 source_names & names) {
    check_keys(config, vision_keys);
    if (config.get("timm_model_name").exists()) {
        read_timm_vision(config, table, read_side(config.get("image_size"), 224), vision, names);
        return;
    }
    if (config.get("layers").is(kind_t::array)) {
        vision.present = true;
        read_modified_resnet(table, read_side(config.get("image_size"), 224),
                             (int32_t) config.integer("head_width", 64, 1, limits::max_width), vision, names);
        return;
    }
    read_tower(config, 768, vision);
    vision.image_size = read_side(config.get("image_size"), 224);
    vision.patch_size = (int32_t) config.integer("patch_size", 16, 1, limits::max_patch);
    const int64_t head = config.integer("head_width", 64, 1, limits::max_width);
    if (vision.n_embd % head != 0 || vision.n_embd / head > limits::max_heads)
        config.get("head_width").invalid("a divisor of width (" + std::to_string(vision.n_embd) + "; default 64)");
    vision.d_head = (int32_t) head;
    vision.n_head = (int32_t) (vision.n_embd / head);
    const std::string positions = config.string("pos_embed_type", "learnable");
    if (positions != "learnable" && positions != "sin_cos_2d")  // both are stored as a table
        config.get("pos_embed_type").unsupported("learnable and sin_cos_2d");
    vision.has_pre_ln = !config.boolean("no_ln_pre", false);
    vision.norm_after_pool = config.boolean("final_ln_after_pool", false);
    const std::string pool = config.string("pool_type", "tok");
    if (pool != "tok" && pool != "avg") config.get("pool_type").unsupported("\"tok\" and \"avg\"");
    vision.pool = pool == "avg" ? pooling::mean : pooling::cls;
    read_kwargs(config, vision);
    const json_ref pooler = config.get("attentional_pool");
    if (pooler.is(kind_t::string)) pooler.unsupported("true and false");
    if (config.boolean("attentional_pool", false)) read_attentional_pool(config, n_proj, table, vision, names);
}

// text_global_pool
void read_text_pooling(const json_ref & config, text_hparams & text) {
    const std::string pool = config.string("pool_type", "argmax");
    text.eos_id = -1;
    if (pool == "eos") text.eos_id = (int32_t) config.integer("eos_id", 2, 0, text.n_vocab - 1);
    else if (pool != "argmax" && pool != "last" && pool != "first")
        config.get("pool_type").unsupported("\"argmax\", \"eos\", \"last\" and \"first\"");
    text.pool = pool == "last" ? pooling::last : pool == "first" ? pooling::cls : pooling::eot;
    text.sees_padding = !text.causal || pool == "last";
}

void read_text(const json_ref & config, const tensor_table & table, text_hparams & text, source_names & names) {
    read_tower(config, 512, text);
    text.n_head = (int32_t) config.integer("heads", 8, 1, limits::max_heads);
    text.n_vocab = (int32_t) config.integer("vocab_size", 49408, 2, limits::max_vocab);
    text.n_ctx = (int32_t) config.integer("context_length", 77, 1, limits::max_ctx);
    text.causal = !config.boolean("no_causal_mask", false);
    read_text_pooling(config, text);
    if (config.boolean("embed_cls", false)) {  // CoCa: the class token pools, whatever pool_type says
        if (!text.causal) config.get("no_causal_mask").unsupported("false with embed_cls");
        text.has_class_embd = true;
        text.pool = pooling::last;
        text.eos_id = -1;
        text.sees_padding = false;
    }
    const std::string proj = config.string("proj_type", "linear");
    if (proj != "linear" && proj != "none") config.get("proj_type").unsupported("\"linear\" and \"none\"");
    text.has_proj = proj == "linear";
    text.has_proj_bias = text.has_proj && config.boolean("proj_bias", false);
    names.text_proj_is_module = text.has_proj_bias;
    text.pad_id = (int32_t) config.integer("pad_id", 0, 0, text.n_vocab - 1);
    text.cleaning = text_cleaning::open_clip;
    if (config.get("hf_tokenizer_name").exists()) read_hf_tokenizer(config, text);
    else if (config.get("tokenizer_kwargs").exists())
        config.get("tokenizer_kwargs").unsupported("the tokenizer's defaults (without this key)");
    read_kwargs(config, text);
    if (has_prefix(table, "text.mixers.0.")) read_text_mixers(table, text, names);
}

}  // namespace

hparams read_open_clip_config(const open_clip_files & files, const std::string & folder, const read_options & options,
                              const tensor_table & table, source_names & names) {
    const json_ref & config = files.config;
    const json_ref model = config.object("model_cfg");
    if (!model.exists()) config.get("model_cfg").invalid("an object");
    for (const char * key : {"vision_cfg", "text_cfg"}) {
        const bool wanted = key[0] == 'v' ? options.want_vision : options.want_text;
        if (wanted && !model.object(key).exists()) model.get(key).invalid("an object");
    }
    hparams hp;
    hp.family = "clip";
    const bool quick =
        model.boolean("quick_gelu", trained_with_quick_gelu(model.object("vision_cfg"), files.beside, folder));
    hp.vision.act = hp.text.act = quick ? activation::quick_gelu : activation::gelu_erf;
    hp.n_proj = (int32_t) model.integer("embed_dim", 512, 1, limits::max_proj);
    names = source_names(name_scheme::open_clip);
    names.text_prefix =
        has_prefix(table, "text.") ? "text." : "";  // CustomTextCLIP keeps its text tower in a separate module
    if (options.want_vision) {
        read_vision(model.object("vision_cfg"), hp.n_proj, table, hp.vision, names);
        read_preprocess(config.object("preprocess_cfg"), hp.vision.image_size, hp.image);
    }
    if (options.want_text) {
        const json_ref text = model.object("text_cfg");
        check_keys(text, text_keys);
        if (text.get("hf_model_name").exists())
            read_hf_text(text, table, files.text.exists() ? files.text : files.beside, hp, hp.text, names);
        else read_text(text, table, hp.text, names);
    }
    check_keys(model, model_keys);
    check_hparams(hp, config.file(), open_clip_fields);
    return hp;
}

}  // namespace ggclip
