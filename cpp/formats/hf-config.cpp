// Defaults below are those of transformers' CLIPTextConfig, CLIPVisionConfig, SiglipTextConfig and
// SiglipVisionConfig: files on the hub leave out whatever equals them.
#include "formats/hf-config.h"

#include "formats/hf-preprocessor.h"
#include "formats/limits.h"

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names HF_FIELDS = {"vision_config.image_size", "vision_config.patch_size", "vision_config.hidden_size",
                               "vision_config.num_attention_heads", "text_config.hidden_size",
                               "text_config.num_attention_heads", "preprocessor size", "preprocessor crop_size"};

struct tower_defaults {
    int32_t      n_embd, n_ff, n_layer, n_head;
    const char * act;
    double       eps;
};

const tower_defaults CLIP_TEXT = {512, 2048, 12, 8, "quick_gelu", 1e-5};
const tower_defaults CLIP_VISION = {768, 3072, 12, 12, "quick_gelu", 1e-5};
const tower_defaults SIGLIP_BOTH = {768, 3072, 12, 12, "gelu_pytorch_tanh", 1e-6};

activation read_activation(const json_ref & config, const char * fallback) {
    const std::string word = config.string("hidden_act", fallback);
    if (word == "quick_gelu") {
        return activation::quick_gelu;
    }
    if (word == "gelu") {
        return activation::gelu_erf;  // torch's exact GELU
    }
    if (word == "gelu_pytorch_tanh" || word == "gelu_new") {
        return activation::gelu_tanh;
    }
    config.get("hidden_act").unsupported("quick_gelu, gelu, gelu_pytorch_tanh and gelu_new");
}

void read_tower(const json_ref & config, const tower_defaults & defaults, tower_hparams & tower) {
    const auto count = [&](const char * key, int32_t fallback, int64_t max) {
        return static_cast<int32_t>(config.integer(key, fallback, 1, max));
    };
    tower.present = true;
    tower.n_embd = count("hidden_size", defaults.n_embd, limits::MAX_WIDTH);
    tower.n_ff = count("intermediate_size", defaults.n_ff, limits::MAX_FF);
    tower.n_layer = count("num_hidden_layers", defaults.n_layer, limits::MAX_LAYERS);
    tower.n_head = count("num_attention_heads", defaults.n_head, limits::MAX_HEADS);
    tower.eps = static_cast<float>(config.real("layer_norm_eps", defaults.eps, limits::MIN_EPS, limits::MAX_EPS));
    tower.act = read_activation(config, defaults.act);
}

void read_vision(const json_ref & config, bool siglip, vision_hparams & vision) {
    read_tower(config, siglip ? SIGLIP_BOTH : CLIP_VISION, vision);
    vision.image_size = static_cast<int32_t>(config.integer("image_size", 224, 1, limits::MAX_IMAGE));
    vision.patch_size = static_cast<int32_t>(config.integer("patch_size", siglip ? 16 : 32, 1, limits::MAX_PATCH));
    vision.n_channel = static_cast<int32_t>(config.integer("num_channels", 3, 3, 3));
    vision.has_class_embd = vision.has_pre_ln = vision.has_proj = !siglip;
    vision.has_patch_bias = siglip;
    vision.pool = siglip ? pooling::attention : pooling::cls;
    if (siglip && !config.boolean("vision_use_head", true)) {
        config.get("vision_use_head").unsupported("SigLIP image towers with an attention-pooling head (true)");
    }
}

// An id, or -1 for null, absent with a fallback, or one outside the vocabulary.
int32_t read_id(const json_ref & config, const char * key, int32_t fallback, int32_t n_vocab) {
    const int64_t id = config.integer(key, fallback, -1, limits::MAX_VOCAB);
    return id < n_vocab ? static_cast<int32_t>(id) : -1;
}

void read_clip_text(const json_ref & config, text_hparams & text) {
    read_tower(config, CLIP_TEXT, text);
    text.n_vocab = static_cast<int32_t>(config.integer("vocab_size", 49408, 1, limits::MAX_VOCAB));
    text.n_ctx = static_cast<int32_t>(config.integer("max_position_embeddings", 77, 1, limits::MAX_CTX));
    text.pool = pooling::eot;
    text.causal = true;
    text.cleaning = text_cleaning::whitespace_lower;
    text.pad_id = -1;  // transformers pads with the tokenizer's own token; pad_token_id here says nothing of it
    const int64_t eos = config.integer("eos_token_id", 49407, 0, limits::MAX_VOCAB);
    if (eos == 2) {
        // Written by old versions of transformers whatever the tokenizer was (bos 0, pad 1 alike): CLIPTextTransformer
        // then pools at the highest id. CLIP's vocabularies end with <|startoftext|>, <|endoftext|>.
        text.eos_id = -1;
        text.bos_id = text.n_vocab >= 2 ? text.n_vocab - 2 : -1;
        return;
    }
    if (eos >= text.n_vocab) {
        config.get("eos_token_id")
            .invalid("an id below vocab_size (" + std::to_string(text.n_vocab) + "; default 49407)");
    }
    text.eos_id = static_cast<int32_t>(eos);
    text.bos_id = read_id(config, "bos_token_id", 49406, text.n_vocab);
}

void read_siglip_text(const json_ref & config, text_hparams & text) {
    read_tower(config, SIGLIP_BOTH, text);
    text.n_vocab = static_cast<int32_t>(config.integer("vocab_size", 32000, 1, limits::MAX_VOCAB));
    text.n_ctx = static_cast<int32_t>(config.integer("max_position_embeddings", 64, 1, limits::MAX_CTX));
    text.pool = pooling::last;
    text.causal = false;
    text.has_proj_bias = true;
    // The ids of SiglipTextConfig (49406, 49407) are copies of CLIP's: neither of them exists in the tokenizer.
    // T5-style SentencePiece of SigLIP: no start, </s> = 1 ends and pads. SigLIP 2 has Gemma's 256000 pieces:
    // <eos> = 1 ends, <pad> = 0 pads, and text is only lower-cased.
    const bool gemma = text.n_vocab == 256000;
    text.bos_id = -1;
    text.eos_id = text.n_vocab > 1 ? 1 : -1;
    text.pad_id = gemma ? 0 : read_id(config, "pad_token_id", 1, text.n_vocab);
    if (text.pad_id < 0) {
        config.get("pad_token_id").invalid("an id below vocab_size (" + std::to_string(text.n_vocab) + ")");
    }
    text.cleaning = gemma ? text_cleaning::whitespace_lower : text_cleaning::canonicalize;
}

// transformers: where the old `text_config_dict` exists, it alone (completed by defaults) replaces `text_config`.
json_ref tower_config(const json_ref & config, const char * key) {
    const json_ref legacy = config.object((std::string(key) + "_dict").c_str());
    return legacy.exists() ? legacy : config.object(key);
}

}  // namespace

bool is_hf_config(const json_ref & config) {
    return config.is(kind_t::object) && config.get("model_type").is(kind_t::string);
}

hparams read_hf_config(const json_ref & config, const json_ref & preprocessor) {
    const std::string type = config.string("model_type", "");
    hparams           hp;
    const bool        siglip = type.rfind("siglip", 0) == 0;
    hp.family = siglip ? "siglip" : "clip";
    hp.sigmoid = siglip;
    if (type == "clip" || type == "siglip") {
        read_vision(tower_config(config, "vision_config"), siglip, hp.vision);
        siglip ? read_siglip_text(config.object("text_config"), hp.text)
               : read_clip_text(tower_config(config, "text_config"), hp.text);
    } else if (type == "clip_vision_model" || type == "siglip_vision_model") {
        read_vision(config, siglip, hp.vision);  // one tower saved alone: its fields are the whole file
    } else if (type == "clip_text_model") {
        read_clip_text(config, hp.text);
    } else if (type == "siglip_text_model") {
        read_siglip_text(config, hp.text);
    } else {
        config.get("model_type").unsupported("clip, siglip, clip_vision_model, clip_text_model, siglip_vision_model "
                                             "and siglip_text_model");
    }
    if (hp.vision.present) {
        read_hf_preprocessor(preprocessor, siglip, hp.vision.image_size, hp.image);
    }
    check_hparams(hp, config.file(), HF_FIELDS);
    return hp;
}

}  // namespace ggclip
