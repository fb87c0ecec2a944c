#include "formats/write/gguf-metadata.h"

#include "engine/names.h"
#include "formats/layout/enum-names.h"

namespace ggclip {

namespace {

std::string key_of(const char * pattern, const char * tower) {
    char text[128];
    snprintf(text, sizeof(text), pattern, tower);
    return text;
}

// ggml's word for a file's main type; informational, readers go by the tensors' types
ggml_ftype file_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32: return GGML_FTYPE_ALL_F32;
        case GGML_TYPE_F16: return GGML_FTYPE_MOSTLY_F16;
        case GGML_TYPE_BF16: return GGML_FTYPE_MOSTLY_BF16;
        case GGML_TYPE_Q4_0: return GGML_FTYPE_MOSTLY_Q4_0;
        case GGML_TYPE_Q4_1: return GGML_FTYPE_MOSTLY_Q4_1;
        case GGML_TYPE_Q5_0: return GGML_FTYPE_MOSTLY_Q5_0;
        case GGML_TYPE_Q5_1: return GGML_FTYPE_MOSTLY_Q5_1;
        case GGML_TYPE_Q8_0: return GGML_FTYPE_MOSTLY_Q8_0;
        case GGML_TYPE_Q2_K: return GGML_FTYPE_MOSTLY_Q2_K;
        case GGML_TYPE_Q3_K: return GGML_FTYPE_MOSTLY_Q3_K;
        case GGML_TYPE_Q4_K: return GGML_FTYPE_MOSTLY_Q4_K;
        case GGML_TYPE_Q5_K: return GGML_FTYPE_MOSTLY_Q5_K;
        case GGML_TYPE_Q6_K: return GGML_FTYPE_MOSTLY_Q6_K;
        case GGML_TYPE_IQ4_NL: return GGML_FTYPE_MOSTLY_IQ4_NL;
        case GGML_TYPE_IQ4_XS: return GGML_FTYPE_MOSTLY_IQ4_XS;
        default: return GGML_FTYPE_UNKNOWN;
    }
}

void set_text(gguf_writer & writer, const char * key, const std::string & value) {
    if (!value.empty()) {
        writer.set_string(key, value);
    }
}

void write_tower(const tower_hparams & tower, const char * name, int32_t n_proj, gguf_writer & writer) {
    const auto count = [&](const char * pattern, int32_t value) {
        writer.set_u32(key_of(pattern, name), static_cast<uint32_t>(value));
    };
    count(names::EMBEDDING_LENGTH, tower.n_embd);
    count(names::BLOCK_COUNT, tower.n_layer);
    if (tower.pruned.empty()) {
        count(names::FEED_FORWARD_LENGTH, tower.n_ff);
        count(names::HEAD_COUNT, tower.n_head);
    } else {  // one value a block, as llama.cpp writes what differs between blocks
        std::vector<uint32_t> heads, widths;
        for (const block_hparams & block : tower.pruned) {
            heads.push_back(static_cast<uint32_t>(block.n_head));
            widths.push_back(static_cast<uint32_t>(block.n_ff));
        }
        writer.set_u32s(key_of(names::HEAD_COUNT, name), heads.data(), heads.size());
        writer.set_u32s(key_of(names::FEED_FORWARD_LENGTH, name), widths.data(), widths.size());
    }
    count(names::KEY_LENGTH, tower.d_head);
    count(names::PROJECTION_DIM, n_proj);
    writer.set_f32(key_of(names::LAYER_NORM_EPS, name), tower.eps);
    writer.set_string(key_of(names::HIDDEN_ACT, name), to_string(tower.act));
    writer.set_string(key_of(names::POOLING, name), to_string(tower.pool));
    writer.set_string(key_of(names::NORM_ORDER, name), to_string(tower.order));
    writer.set_bool(key_of(names::HAS_PRE_LN, name), tower.has_pre_ln);
    writer.set_bool(key_of(names::HAS_POST_LN, name), tower.has_post_ln);
    writer.set_bool(key_of(names::NORM_AFTER_POOL, name), tower.norm_after_pool);
    if (tower.n_proj_hidden > 0) {
        count(names::PROJECTION_HIDDEN, tower.n_proj_hidden);
    }
    writer.set_bool(key_of(names::HAS_PROJECTION, name), tower.has_proj);
    writer.set_bool(key_of(names::HAS_PROJECTION_BIAS, name), tower.has_proj_bias);
}

void write_vision(const hparams & hp, gguf_writer & writer) {
    const vision_hparams & vision = hp.vision;
    write_tower(vision, "vision", hp.n_proj, writer);
    writer.set_u32(names::IMAGE_SIZE, static_cast<uint32_t>(vision.image_size));
    writer.set_u32(names::PATCH_SIZE, static_cast<uint32_t>(vision.patch_size));
    writer.set_bool(names::HAS_CLASS_EMBD, vision.has_class_embd);
    writer.set_bool(names::HAS_PATCH_BIAS, vision.has_patch_bias);

    const image_hparams & image = hp.image;
    writer.set_f32s(names::IMAGE_MEAN, image.mean.data(), image.mean.size());
    writer.set_f32s(names::IMAGE_STD, image.std.data(), image.std.size());
    writer.set_string(names::RESIZE_MODE, to_string(image.mode));
    writer.set_string(names::INTERPOLATION, to_string(image.filter));
    writer.set_string(names::CROP_ROUNDING, to_string(image.rounding));
    if (vision.any_grid) {
        writer.set_bool(names::ANY_GRID, true);
    }
    if (image.mode == resize_mode::patches) {
        writer.set_u32(names::MAX_PATCHES, static_cast<uint32_t>(image.max_patches));
    }
    writer.set_u32(names::RESIZE_SIZE, static_cast<uint32_t>(image.resize));
    const auto color = [&](const char * key, const std::array<uint8_t, 3> & rgb) {
        const uint32_t values[3] = {rgb[0], rgb[1], rgb[2]};
        writer.set_u32s(key, values, 3);
    };
    color(names::FILL_COLOR, image.fill);
    color(names::BACKGROUND_COLOR, image.background);
}

void write_text(const hparams & hp, const tokenizer_source & tokenizer, gguf_writer & writer) {
    const text_hparams & text = hp.text;
    write_tower(text, "text", hp.n_proj, writer);
    writer.set_u32(names::CONTEXT_LENGTH, static_cast<uint32_t>(text.n_ctx));
    writer.set_bool(names::CAUSAL, text.causal);
    writer.set_bool(names::SEES_PADDING, text.sees_padding);
    if (text.position_offset > 0) {
        writer.set_u32(names::POSITION_OFFSET, static_cast<uint32_t>(text.position_offset));
    }
    writer.set_string(names::CLEANING, to_string(text.cleaning));
    const auto id = [&](const char * key, int32_t value) {
        if (value >= 0) {  // absent: none (start), pool at the highest id (end)
            writer.set_u32(key, static_cast<uint32_t>(value));
        }
    };
    id(names::BOS_ID, text.bos_id);
    id(names::EOS_ID, text.eos_id);
    id(names::PAD_ID, text.pad_id);
    set_text(writer, names::TOKENIZER_JSON, tokenizer.json);
    if (!tokenizer.tokens.empty()) {
        writer.set_strings(names::TOKENS, tokenizer.tokens);
    }
    if (!tokenizer.merges.empty()) {
        writer.set_strings(names::MERGES, tokenizer.merges);
    }
}

}  // namespace

void write_metadata(const model_source & source, const tokenizer_source & tokenizer, ggml_type type,
                    gguf_writer & writer) {
    const hparams & hp = source.hp;
    const bool      both = hp.vision.present && hp.text.present;
    writer.set_string(names::ARCHITECTURE, "clip");
    set_text(writer, names::NAME, hp.name);
    writer.set_string(names::DESCRIPTION, both                ? "two-tower CLIP model"
                                          : hp.vision.present ? "vision-only CLIP model"
                                                              : "text-only CLIP model");
    set_text(writer, names::LICENSE, hp.license);
    set_text(writer, names::SOURCE, hp.source);
    set_text(writer, names::REVISION, hp.revision);
    if (file_type(type) != GGML_FTYPE_UNKNOWN) {
        writer.set_u32(names::FILE_TYPE, static_cast<uint32_t>(file_type(type)));
    }
    writer.set_u32(names::QUANT_VERSION, GGML_QNT_VERSION);
    writer.set_u32(names::LAYOUT, names::LAYOUT_VERSION);
    set_text(writer, names::FAMILY, hp.family);
    writer.set_bool(names::HAS_TEXT, hp.text.present);
    writer.set_bool(names::HAS_VISION, hp.vision.present);
    // for readers of clip.cpp's layout; ours read hidden_act
    writer.set_bool(names::USE_GELU, (hp.vision.present ? hp.vision.act : hp.text.act) == activation::gelu_erf);
    writer.set_f32(names::LOGIT_SCALE, hp.logit_scale);
    writer.set_f32(names::LOGIT_BIAS, hp.logit_bias);
    writer.set_bool(names::SIGMOID, hp.sigmoid);
    if (hp.vision.present) {
        write_vision(hp, writer);
    }
    if (hp.text.present) {
        write_text(hp, tokenizer, writer);
    }
}

}  // namespace ggclip
