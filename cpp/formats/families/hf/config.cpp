// Defaults below are those of transformers' CLIPTextConfig, CLIPVisionConfig, SiglipTextConfig and
// SiglipVisionConfig: files on the hub leave out whatever equals them.
#include "formats/families/hf/hf.h"

#include "formats/families/hf/texts/texts.h"
#include "formats/families/hf/families.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names hf_fields = {"vision_config.image_size",  "vision_config.patch_size",
                               "vision_config.hidden_size", "vision_config.num_attention_heads",
                               "text_config.hidden_size",   "text_config.num_attention_heads",
                               "preprocessor size",         "preprocessor crop_size"};

const hf_tower_defaults clip_text = {512, 2048, 12, 8, "quick_gelu", 1e-5};
const hf_tower_defaults clip_vision = {768, 3072, 12, 12, "quick_gelu", 1e-5};
const hf_tower_defaults siglip_both = {768, 3072, 12, 12, "gelu_pytorch_tanh", 1e-6};

activation read_activation(const json_ref & config, const char * fallback) {
    activation act = activation::none;
    if (!parse_activation(config.string("hidden_act", fallback), act))
        config.get("hidden_act").unsupported("quick_gelu, gelu, gelu_pytorch_tanh and gelu_new");
    return act;
}

void read_vision(const json_ref & config, bool siglip, vision_hparams & vision) {
    read_hf_tower(config, siglip ? siglip_both : clip_vision, vision);
    vision.image_size = (int32_t) config.integer("image_size", 224, 1, limits::max_image);
    vision.patch_size = (int32_t) config.integer("patch_size", siglip ? 16 : 32, 1, limits::max_patch);
    vision.n_channel = (int32_t) config.integer("num_channels", 3, 3, 3);
    vision.has_class_embd = vision.has_pre_ln = vision.has_proj = !siglip;
    vision.has_patch_bias = siglip;
    vision.norm_after_pool = false;
    const bool has_head = siglip && config.boolean("vision_use_head", true);
    vision.pool = has_head ? pooling::attention : siglip ? pooling::none : pooling::cls;
}

// SigLIP2 NaFlex: images of any grid over a square table of positions.
void read_any_grid(const json_ref & config, vision_hparams & vision, source_names & names) {
    const int64_t n_patch = config.integer("num_patches", 256, 1, limits::max_tokens);
    const auto side = (int32_t) std::lround(std::sqrt((double) n_patch));
    if ((int64_t) side * side != n_patch) config.get("num_patches").unsupported("the square of an integer");
    vision.any_grid = true;
    vision.image_size = side * vision.patch_size;
    names.linear_patches = true;
}

void read_clip_text(const json_ref & config, bool legacy_eos, text_hparams & text) {
    read_hf_tower(config, clip_text, text);
    text.n_vocab = (int32_t) config.integer("vocab_size", 49408, 1, limits::max_vocab);
    text.n_ctx = (int32_t) config.integer("max_position_embeddings", 77, 1, limits::max_ctx);
    text.pool = pooling::eot;
    text.causal = true;
    text.cleaning = text_cleaning::whitespace_lower;
    text.pad_id = -1;  // transformers pads with the tokenizer's own token; pad_token_id here says nothing of it
    const int64_t eos = config.integer("eos_token_id", 49407, 0, limits::max_vocab);
    if (eos == 2 && legacy_eos) {
        // Written by old versions of transformers whatever the tokenizer was (bos 0, pad 1 alike): CLIPTextTransformer
        // then pools at the highest id.
        text.eos_id = -1;
        return;
    }
    if (eos >= text.n_vocab) {
        config.get("eos_token_id")
            .invalid("an id below vocab_size (" + std::to_string(text.n_vocab) + "; default 49407)");
    }
    text.eos_id = (int32_t) eos;
}

// `gemma`: the tokenizer is SigLIP 2's.
void read_siglip_text(const json_ref & config, bool gemma, text_hparams & text) {
    read_hf_tower(config, siglip_both, text);
    text.n_vocab = (int32_t) config.integer("vocab_size", 32000, 1, limits::max_vocab);
    text.n_ctx = (int32_t) config.integer("max_position_embeddings", 64, 1, limits::max_ctx);
    text.pool = pooling::last;
    text.causal = false;
    text.sees_padding = true;
    text.has_proj_bias = true;
    // The ids of SiglipTextConfig (49406, 49407) are copies of CLIP's: neither of them exists in the tokenizer.
    // T5-style SentencePiece of SigLIP: no start, </s> = 1 ends and pads. SigLIP 2 has Gemma's pieces (<pad> = 0,
    // <eos> = 1): its text is only lower-cased. Which ids frame and fill a row stands in the tokenizer's files.
    text.eos_id = -1;
    text.pad_id = -1;
    text.cleaning = gemma ? text_cleaning::lower : text_cleaning::canonicalize;
}

// transformers: where the old `text_config_dict` exists, it alone (completed by defaults) replaces `text_config`.
json_ref tower_config(const json_ref & config, const char * key) {
    const json_ref legacy = config.object((std::string(key) + "_dict").c_str());
    return legacy.exists() ? legacy : config.object(key);
}

// Chinese-CLIP: a BERT without its pooler; the first token's last state is projected.
void read_chinese_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text, source_names & names) {
    read_bert_config(config, "chinese_clip_text_model", text);
    text.pool = pooling::cls;
    // cn_clip trains and tokenises with 52 positions
    const int64_t context = max_length(tokenizer, 52);
    text.n_ctx = (int32_t) std::min<int64_t>(context <= text.n_ctx ? context : 52, text.n_ctx);
    names.text = name_scheme::bert;
    names.text_prefix = "text_model.";
    names.bert_proj = "text_projection";
}

// M-CLIP (multilingual_clip/pt_multilingual_clip.py): the mean of the real tokens, then a Linear with bias.
void read_mclip(const json_ref & config, const json_ref & tokenizer, const tensor_table & table, hparams & hp,
                source_names & names) {
    names.text = name_scheme::bert;
    names.text_prefix = "transformer.";
    names.bert_proj = "LinearTransformation";
    const json_ref base = config.get("modelBase");
    if (!base.is(kind_t::string)) base.invalid("the name of a text model such as \"xlm-roberta-large\"");
    read_bert_architecture(base, table, names.text_prefix,
                           (int32_t) config.integer("num_attention_heads", 0, 1, limits::max_heads), hp.text);
    hp.text.eps = (float) config.real("layer_norm_eps", hp.text.eps, limits::min_eps, limits::max_eps);
    hp.text.pool = pooling::mean;
    hp.text.has_proj = hp.text.has_proj_bias = true;
    const int64_t context = max_length(tokenizer, hp.text.n_ctx);
    hp.text.n_ctx = (int32_t) std::min<int64_t>(context, hp.text.n_ctx);
}

std::string tokenizer_class(const json_ref & tokenizer) {
    const json_ref name = tokenizer.is(kind_t::object) ? tokenizer.get("tokenizer_class") : json_ref(nullptr, "", "");
    return name.is(kind_t::string) ? name.value()->text : "";
}

// Whether the tokenizer beside a SigLIP configuration is SigLIP 2's.
bool is_gemma(const std::string & type, int64_t n_vocab) {
    return begins_with(type, "Gemma") || begins_with(type, "Siglip2") || n_vocab == 256000;
}

// A SigLIP text tower, with the cleaning that its tokenizer's class does before the tokenizer's file.
void read_siglip_text(const json_ref & config, const json_ref & tokenizer, bool siglip2, text_hparams & text) {
    const std::string type = tokenizer_class(tokenizer);
    const bool generic = type == "PreTrainedTokenizerFast" || type == "TokenizersBackend";  // the file says everything
    const bool gemma = siglip2 || is_gemma(type, config.integer("vocab_size", 32000, 1, limits::max_vocab));
    read_siglip_text(config, gemma || generic, text);
    if (generic) text.cleaning = text_cleaning::none;
}

// CLIPVisionModel, CLIPTextModel and CLIPForImageClassification end with the pooled state; with a projection they are
// called ...WithProjection.
bool is_alone(const json_ref & config, bool one_tower) {
    const json_ref names = config.get("architectures");
    if (!names.is(kind_t::array) || !names.at(0).is(kind_t::string)) return one_tower;
    const std::string & name = names.at(0).value()->text;
    return ends_with(name, "VisionModel") || ends_with(name, "TextModel") ||
           ends_with(name, "ForImageClassification") || (one_tower && !ends_with(name, "WithProjection"));
}

bool is_supported(const std::string & own_type) {
    const std::string type = base_type(own_type);
    for (const char * family : {"clip", "siglip", "siglip2", "chinese_clip", "metaclip_2", "M-CLIP", "altclip", "blip",
                                "vision-text-dual-encoder", "jina_clip"})
        if (type == family) return true;
    if (is_dino_type(type) || is_aimv2_type(type) || is_tips_type(type)) return true;
    const bool one_tower =
        type.find("_vision_model") != std::string::npos || type.find("_text_model") != std::string::npos;
    return one_tower && (begins_with(type, "clip_") || begins_with(type, "siglip") ||
                         begins_with(type, "chinese_clip") || begins_with(type, "metaclip_2"));
}

}  // namespace

void read_hf_tower(const json_ref & config, const hf_tower_defaults & defaults, tower_hparams & tower) {
    tower.present = true;
    tower.n_embd = config.count("hidden_size", defaults.n_embd, limits::max_width);
    tower.n_ff = config.count("intermediate_size", defaults.n_ff, limits::max_ff);
    tower.n_layer = config.count("num_hidden_layers", defaults.n_layer, limits::max_layers);
    tower.n_head = config.count("num_attention_heads", defaults.n_head, limits::max_heads);
    tower.eps = (float) config.real("layer_norm_eps", defaults.eps, limits::min_eps, limits::max_eps);
    tower.act = read_activation(config, defaults.act);
}

bool describes_encoder(const json_ref & config, std::initializer_list<const char *> types,
                       std::initializer_list<stated_size> sizes) {
    if (!config.is(kind_t::object) || !config.get("model_type").is(kind_t::string)) return false;
    const std::string type = config.string("model_type", "");
    const auto is_type = [&](const char * one) { return type == one; };
    const auto is_stated = [&](const stated_size & size) {
        const json_ref value = config.get(size.key);
        return value.is(kind_t::integer) && value.value()->integer == size.n;
    };
    return std::any_of(types.begin(), types.end(), is_type) && std::all_of(sizes.begin(), sizes.end(), is_stated);
}

int64_t max_length(const json_ref & tokenizer, int64_t fallback) {
    const json_ref length =
        tokenizer.is(kind_t::object) ? tokenizer.get("model_max_length") : json_ref(nullptr, "", "");
    return length.is(kind_t::integer) && length.value()->integer > 0 ? length.value()->integer : fallback;
}

bool is_hf_config(const json_ref & config) {
    return config.is(kind_t::object) && config.get("model_type").is(kind_t::string);
}

bool is_supported_hf_config(const json_ref & config) {
    return is_hf_config(config) && is_supported(config.string("model_type", ""));
}

hparams read_hf_config(const hf_files & files, const read_options & options, const tensor_table & table,
                       source_names & names) {
    const json_ref & config = files.config;
    const std::string own_type = config.string("model_type", ""), type = base_type(own_type);
    if (is_dino_type(type)) return read_dino_config(files, type, options, table, names);
    if (type == "jina_clip") return read_jina_config(files, options, table, names);
    if (type == "blip") return read_blip_config(files, options, table, names);
    if (is_aimv2_type(type)) return read_aimv2_config(files, type, options, table, names);
    if (is_tips_type(type)) return read_tips_config(files, type, options, table, names);
    const bool owl = begins_with(own_type, "owl");
    hparams hp;
    const bool siglip = begins_with(type, "siglip"), any_grid = begins_with(type, "siglip2"),
               chinese = begins_with(type, "chinese_clip");
    const bool metaclip2 = begins_with(type, "metaclip_2"), dual = type == "vision-text-dual-encoder",
               altclip = type == "altclip";
    if (!is_supported(own_type)) {
        config.get("model_type")
            .unsupported(
                "clip, metaclip_2, clipseg, owlvit, owlv2, siglip, siglip2, fgclip2, chinese_clip, their _vision_model "
                "and _text_model, M-CLIP, altclip, vision-text-dual-encoder, jina_clip, blip, aimv2, dinov2, "
                "dinov2_with_registers, dinov3_vit and tipsv2");
    }
    hp.family = siglip             ? "siglip"
                : chinese          ? "chinese-clip"
                : type == "M-CLIP" ? "m-clip"
                : altclip          ? "altclip"
                                   : "clip";
    hp.sigmoid = siglip;
    names = source_names(siglip ? name_scheme::hf_siglip : name_scheme::hf_clip);
    if (type == "M-CLIP") {
        if (!options.want_text) return hp;
        read_mclip(config, files.tokenizer, table, hp, names);
        check_hparams(hp, config.file(), hf_fields);
        return hp;
    }
    // one tower saved alone: its fields are the whole file
    const bool only_vision = type.find("_vision_model") != std::string::npos,
               only_text = type.find("_text_model") != std::string::npos;
    const bool alone = is_alone(config, only_vision || only_text);
    names.vision_flat = has_tensor(table, "embeddings.patch_embedding.weight");
    names.text_flat = has_tensor(table, "embeddings.token_embedding.weight");
    if (!only_text && options.want_vision) {
        const json_ref vision = only_vision ? config : tower_config(config, "vision_config");
        if (dual) check_dual_vision(vision, table, names);
        read_vision(vision, siglip, hp.vision);
        names.layer_singular = has_prefix(table, "vision_model.encoder.layer.");
        if (any_grid) read_any_grid(vision, hp.vision, names);
        if (owl) read_owl_vision(vision, begins_with(own_type, "owlv2"), table, hp.vision, names);
        hp.vision.pooled_output = !siglip && alone && !has_tensor(table, "visual_projection.weight");
        hp.vision.has_proj = hp.vision.has_proj && !hp.vision.pooled_output;
        read_hf_preprocessor(files.preprocessor, defaults_of(own_type, files.preprocessor), hp.vision, hp.image);
        if (begins_with(own_type, "clipseg")) take_processor_size(hp, names);
    }
    if (!only_vision && options.want_text) {
        const json_ref text = only_text ? config : tower_config(config, "text_config");
        if (chinese) {
            read_chinese_text(text, files.tokenizer, hp.text, names);
            if (has_tensor(table, "embeddings.word_embeddings.weight")) names.text_prefix = "";
        } else if (dual) {
            read_dual_text(text, files.tokenizer, hp.text, names);
        } else if (altclip) {
            read_altclip_text(text, files.tokenizer, hp.text, names);
        } else if (siglip) {
            read_siglip_text(text, files.tokenizer, any_grid, hp.text);
        } else {
            read_clip_text(text, !metaclip2, hp.text);
            if (owl) read_owl_text(text, hp.text);
        }
        note_long_text(text, names);
        hp.text.pooled_output = !siglip && alone && !has_tensor(table, "text_projection.weight");
        hp.text.has_proj = hp.text.has_proj && !hp.text.pooled_output;
    }
    check_hparams(hp, config.file(), hf_fields);
    return hp;
}

}  // namespace ggclip
