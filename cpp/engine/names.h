// Canonical tensor names and GGUF keys: the only place where they are spelled.
// Tensor names follow clip.cpp's layout with one correction: `ffn_up` is the first MLP matrix
// (n_embd -> n_ff) and `ffn_down` the second, which clip.cpp's files have the other way round.
#pragma once

#include "engine/text.h"

namespace ggclip::names {

// --- tensors: the parts that of_tensor() names; engine/weights/tensor-list.cpp says which a model has ------------
constexpr const char *CLASS_EMBD = "class_embd", *PATCH_EMBD = "patch_embd", *POSITION_EMBD = "position_embd";
constexpr const char *TOKEN_EMBD = "token_embd", *TOKEN_TYPE_EMBD = "token_type_embd";
constexpr const char *PRE_LN = "pre_ln", *POST_LN = "post_ln";  // outside of the blocks
constexpr const char *LN1 = "ln1", *LN2 = "ln2";
constexpr const char *ATTN_Q = "attn_q", *ATTN_K = "attn_k", *ATTN_V = "attn_v", *ATTN_OUT = "attn_out";
constexpr const char *FFN_UP = "ffn_up", *FFN_DOWN = "ffn_down";
constexpr const char *LS1 = "ls1", *LS2 = "ls2";  // layer scale
constexpr const char *PROJ = "proj", *PROJ_HIDDEN = "proj_hidden";
// before the parts of SigLIP's attention-pooling head: a block's, one norm, a learned query
constexpr const char * HEAD = "head.";
constexpr const char *LN = "ln", *PROBE = "probe";

// --- GGUF keys ----------------------------------------------------------------------------------
constexpr const char * ARCHITECTURE = "general.architecture";  // always "clip"
constexpr const char * NAME = "general.name";
constexpr const char * LICENSE = "general.license";
constexpr const char * SOURCE = "general.source.huggingface.repository";
constexpr const char * REVISION = "clip.source.revision";
constexpr const char * LAYOUT = "clip.layout_version";  // u32; absent in clip.cpp's files
constexpr int LAYOUT_VERSION = 1;                       // what this version writes
constexpr const char * DESCRIPTION = "general.description";
constexpr const char * FILE_TYPE = "general.file_type";  // u32, ggml_ftype; informational
constexpr const char * QUANT_VERSION = "general.quantization_version";
constexpr const char * ALIGNMENT = "general.alignment";  // u32; 32 when absent
constexpr const char * FAMILY = "clip.family";
constexpr const char * HAS_TEXT = "clip.has_text_encoder";
constexpr const char * HAS_VISION = "clip.has_vision_encoder";
constexpr const char * USE_GELU = "clip.use_gelu";        // clip.cpp: true = gelu, false = quick_gelu
constexpr const char * LOGIT_SCALE = "clip.logit_scale";  // f32, natural log
constexpr const char * LOGIT_BIAS = "clip.logit_bias";
constexpr const char * SIGMOID = "clip.sigmoid";
// %s is "vision" or "text"
constexpr const char * EMBEDDING_LENGTH = "clip.%s.embedding_length";
constexpr const char * FEED_FORWARD_LENGTH = "clip.%s.feed_forward_length";
constexpr const char * BLOCK_COUNT = "clip.%s.block_count";
constexpr const char * HEAD_COUNT = "clip.%s.attention.head_count";
constexpr const char * KEY_LENGTH = "clip.%s.attention.key_length";  // head size
constexpr const char * LAYER_NORM_EPS = "clip.%s.attention.layer_norm_epsilon";
constexpr const char * PROJECTION_DIM = "clip.%s.projection_dim";
constexpr const char * HIDDEN_ACT = "clip.%s.hidden_act";          // quick_gelu | gelu | gelu_tanh
constexpr const char * POOLING = "clip.%s.pooling";                // cls | eot | last | attention | mean
constexpr const char * HAS_PROJECTION = "clip.%s.has_projection";  // bool; the family's value when absent
constexpr const char * HAS_PROJECTION_BIAS = "clip.%s.has_projection_bias";
constexpr const char * NORM_ORDER = "clip.%s.norm_order";  // pre | post
constexpr const char * HAS_POST_LN = "clip.%s.has_post_layernorm";
constexpr const char * HAS_QKV_BIAS = "clip.%s.attention.has_qkv_bias";  // bool; true when absent
constexpr const char * HAS_LAYER_SCALE = "clip.%s.has_layer_scale";      // bool; false when absent
constexpr const char * NORM_AFTER_POOL = "clip.%s.norm_after_pooling";
constexpr const char * PROJECTION_HIDDEN = "clip.%s.projection_hidden_length";  // u32; absent: a linear projection
constexpr const char * HAS_CLASS_EMBD = "clip.vision.has_class_embedding";
constexpr const char * HAS_PRE_LN = "clip.%s.has_pre_layernorm";
constexpr const char * HAS_PATCH_BIAS = "clip.vision.has_patch_bias";
constexpr const char * ANY_GRID = "clip.vision.any_grid";        // bool: positions resized to each picture
constexpr const char * MAX_PATCHES = "clip.vision.max_patches";  // u32, with resize_mode patches
constexpr const char * CONTEXT_LENGTH = "clip.text.context_length";
constexpr const char * CAUSAL = "clip.text.causal";
constexpr const char * SEES_PADDING = "clip.text.sees_padding";        // bool
constexpr const char * POSITION_OFFSET = "clip.text.position_offset";  // u32
constexpr const char * CLEANING = "clip.text.cleaning";
constexpr const char * IMAGE_SIZE = "clip.vision.image_size";
constexpr const char * PATCH_SIZE = "clip.vision.patch_size";
constexpr const char * IMAGE_MEAN = "clip.vision.image_mean";
constexpr const char * IMAGE_STD = "clip.vision.image_std";
constexpr const char * RESIZE_MODE = "clip.vision.resize_mode";      // shortest | squash | longest | patches
constexpr const char * INTERPOLATION = "clip.vision.interpolation";  // nearest | bilinear | bicubic
constexpr const char * RESIZE_SIZE = "clip.vision.resize_size";
constexpr const char * CROP_ROUNDING = "clip.vision.crop_rounding";  // floor | half_even
constexpr const char * FILL_COLOR = "clip.vision.fill_color";
constexpr const char * BACKGROUND_COLOR = "clip.vision.background_color";
constexpr const char * TOKENIZER_JSON = "tokenizer.huggingface.json";
constexpr const char * TOKENS = "tokenizer.ggml.tokens";
constexpr const char * MERGES = "tokenizer.ggml.merges";
constexpr const char * BOS_ID = "tokenizer.ggml.bos_token_id";
constexpr const char * EOS_ID = "tokenizer.ggml.eos_token_id";
constexpr const char * PAD_ID = "tokenizer.ggml.padding_token_id";
// a llama.cpp projector file, not a CLIP model
constexpr const char * LLAVA_PROJECTOR = "clip.has_llava_projector";
constexpr const char * PROJECTOR_TYPE = "clip.projector_type";
constexpr const char * VISION_PROJECTOR_TYPE = "clip.vision.projector_type";

// "clip.vision.image_size"; tower: "vision" or "text"
inline std::string key_of(const char * pattern, const char * tower) { return print_text(pattern, tower); }

// "v.blk.0.attn_q.weight", "v.class_embd", "text_projection.weight"; tower: 'v' or 't', block: -1 outside of the blocks
inline std::string of_tensor(char tower, int block, const std::string & part, const std::string & suffix) {
    const std::string end = suffix.empty() ? "" : "." + suffix;
    if (block >= 0) return print_text("%c.blk.%d.", tower, block) + part + (suffix.empty() ? ".weight" : end);
    if (part != PROJ && part != PROJ_HIDDEN) return print_text("%c.", tower) + part + end;
    return (tower == 'v' ? "visual_projection" : "text_projection") + std::string(part == PROJ ? "" : ".hidden") + end;
}

}  // namespace ggclip::names
