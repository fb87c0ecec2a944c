// Defaults are those of transformers' AltCLIPTextConfig, BlipTextConfig and BlipVisionConfig.
#include "formats/families/hf/families.h"

#include "formats/families/hf/texts/texts.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names blip_fields = {"vision_config.image_size",  "vision_config.patch_size",
                                 "vision_config.hidden_size", "vision_config.num_attention_heads",
                                 "text_config.hidden_size",   "text_config.num_attention_heads",
                                 "preprocessor size",         "preprocessor size"};

// The first token's state becomes the embedding; `tokenizer` may cut texts shorter than the position table.
void finish_text(const json_ref & tokenizer, text_hparams & text, source_names & names) {
    text.pool = pooling::cls;
    text.n_ctx = (int32_t) std::min<int64_t>(max_length(tokenizer, text.n_ctx), text.n_ctx);
    names.text = name_scheme::bert;
}

void read_blip_vision(const json_ref & config, vision_hparams & vision) {
    read_hf_tower(config, {768, 3072, 12, 12, "gelu", 1e-5}, vision);
    vision.image_size = (int32_t) config.integer("image_size", 384, 1, limits::max_image);
    vision.patch_size = (int32_t) config.integer("patch_size", 16, 1, limits::max_patch);
    vision.has_pre_ln = false;
    vision.has_patch_bias = vision.has_proj_bias = true;
}

// BERT without token types; what reads an image beside the text is not needed.
void read_blip_text(const json_ref & config, const tensor_table & table, text_hparams & text, source_names & names) {
    read_bert_config(config, "blip_text_model", text);
    text.has_proj_bias = true;
    names.text_prefix = "text_encoder.";
    names.bert_proj = "text_proj";
    for (const auto & entry : table.tensors)
        if (begins_with(entry.first, names.text_prefix) && entry.first.find(".crossattention.") != std::string::npos)
            names.other_paths.push_back(entry.first);
}

}  // namespace

void check_dual_vision(const json_ref & config, const tensor_table & table, source_names & names) {
    const std::string type = config.string("model_type", "");
    if (type != "clip_vision_model" && type != "clip")
        config.get("model_type").unsupported("clip_vision_model in a vision-text-dual-encoder");
    // transformers 4 wrapped CLIPVisionModel's tower once more
    names.vision_nested = has_prefix(table, "vision_model.vision_model.");
}

void read_dual_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text, source_names & names) {
    const std::string type = config.string("model_type", "");
    if (!is_bert_type(type) || type == "chinese_clip_text_model" || type == "electra")  // those have no pooler
        config.get("model_type").unsupported("bert, roberta, xlm-roberta and camembert in a vision-text-dual-encoder");
    read_bert_config(config, type, text);
    finish_text(tokenizer, text, names);
    text.n_proj_hidden = text.n_embd;
    text.has_proj_hidden_bias = true;
    text.proj_act = activation::tanh;
    names.text_prefix = "text_model.";
    names.bert_proj_hidden = "text_model.pooler.dense";
    names.bert_proj = "text_projection";
}

void read_altclip_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text, source_names & names) {
    read_bert_config(config, "altclip_text_model", text);
    finish_text(tokenizer, text, names);
    text.has_post_ln = true;
    text.n_proj_hidden = (int32_t) config.integer("project_dim", 768, 1, limits::max_ff);
    text.has_proj_hidden_bias = true;
    text.proj_act = activation::none;
    names.text_prefix = "text_model.roberta.";
    names.bert_post_ln = "text_model.pre_LN";
    names.bert_proj_hidden = "text_model.transformation";
    names.bert_proj = "text_projection";
}

hparams read_blip_config(const hf_files & files, const read_options & options, const tensor_table & table,
                         source_names & names) {
    const json_ref & config = files.config;
    if (!has_tensor(table, "vision_proj.weight") && !has_tensor(table, "text_proj.weight"))
        config.get("model_type").unsupported("BLIP for image-text retrieval (with tensors vision_proj and text_proj)");
    hparams hp;
    hp.family = "blip";
    names = source_names(name_scheme::blip, name_scheme::bert);
    if (options.want_vision) {
        read_blip_vision(config.object("vision_config"), hp.vision);
        read_hf_preprocessor(files.preprocessor, {image_defaults::blip}, hp.vision, hp.image);
    }
    if (options.want_text) {
        read_blip_text(config.object("text_config"), table, hp.text, names);
        finish_text(files.tokenizer, hp.text, names);
    }
    check_hparams(hp, config.file(), blip_fields);
    return hp;
}

}  // namespace ggclip
