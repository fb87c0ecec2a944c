// Canonical tensor names and GGUF keys, spelled only here. Tensor names follow clip.cpp's layout with one correction:
// `ffn_up` is the first MLP matrix (n_embd -> n_ff) and `ffn_down` the second; clip.cpp's files swap them.
#pragma once

#include "engine/text.h"

namespace ggclip::names {

// --- tensors: parts named by of_tensor(); engine/weights/tensor-list.cpp lists those of each model ---------------
constexpr const char *class_embd = "class_embd", *patch_embd = "patch_embd", *position_embd = "position_embd";
constexpr const char * position_bias = "position_bias";  // of scores, by distance
constexpr const char *token_embd = "token_embd", *token_type_embd = "token_type_embd";
constexpr const char *pre_ln = "pre_ln", *post_ln = "post_ln";  // outside the blocks
constexpr const char *ln1 = "ln1", *ln2 = "ln2";
constexpr const char *attn_q = "attn_q", *attn_k = "attn_k", *attn_v = "attn_v", *attn_out = "attn_out";
constexpr const char *ffn_up = "ffn_up", *ffn_down = "ffn_down";
constexpr const char *ffn_gate = "ffn_gate", *ffn_norm = "ffn_norm", *ffn_in_norm = "ffn_in_norm",
                     *attn_norm = "attn_norm";
constexpr const char *attn_q_norm = "attn_q_norm", *attn_k_norm = "attn_k_norm";
constexpr const char *register_embd = "register_embd", *patch_norm = "patch_norm";
constexpr const char *ls1 = "ls1", *ls2 = "ls2";  // layer scale
constexpr const char *proj = "proj", *proj_hidden = "proj_hidden";
// parts of a convolutional layer, after the prefix of_layer(); its attention and MLP are called as a block's
constexpr const char *mix = "mix", *conv = "conv", *depthwise = "dw", *map_norm = "norm", *shortcut = "shortcut";
// prefixes for the parts of SigLIP's attention-pooling head: a block's, one norm, a learned query
constexpr const char * head = "head.";
constexpr const char *ln = "ln", *probe = "probe";

// --- GGUF keys ----------------------------------------------------------------------------------
constexpr const char * architecture = "general.architecture";  // always "clip"
constexpr const char * name = "general.name";
constexpr const char * license = "general.license";
constexpr const char * source = "general.source.huggingface.repository";
constexpr const char * revision = "clip.source.revision";
constexpr const char * layout = "clip.layout_version";  // u32; absent in clip.cpp's files
constexpr int layout_version = 1;                       // what this version writes
constexpr const char * description = "general.description";
constexpr const char * file_type = "general.file_type";  // u32, ggml_ftype; informational
constexpr const char * quant_version = "general.quantization_version";
constexpr const char * alignment = "general.alignment";  // u32; 32 when absent
constexpr const char * family = "clip.family";
constexpr const char * has_text = "clip.has_text_encoder";
constexpr const char * has_vision = "clip.has_vision_encoder";
constexpr const char * use_gelu = "clip.use_gelu";        // clip.cpp: true = gelu, false = quick_gelu
constexpr const char * logit_scale = "clip.logit_scale";  // f32, natural log
constexpr const char * logit_bias = "clip.logit_bias";
constexpr const char * sigmoid = "clip.sigmoid";
// %s is "vision" or "text"
constexpr const char * embedding_length = "clip.%s.embedding_length";
constexpr const char * feed_forward_length = "clip.%s.feed_forward_length";
constexpr const char * block_count = "clip.%s.block_count";
constexpr const char * head_count = "clip.%s.attention.head_count";
constexpr const char * key_length = "clip.%s.attention.key_length";  // head size
constexpr const char * layer_norm_eps = "clip.%s.attention.layer_norm_epsilon";
constexpr const char * projection_dim = "clip.%s.projection_dim";
constexpr const char * hidden_act = "clip.%s.hidden_act";          // quick_gelu | gelu | gelu_tanh | relu
constexpr const char * pooling = "clip.%s.pooling";                // cls | eot | last | attention | mean | none
constexpr const char * has_projection = "clip.%s.has_projection";  // bool; the family's value when absent
constexpr const char * has_projection_bias = "clip.%s.has_projection_bias";
constexpr const char * pooled_output = "clip.%s.pooled_output";  // bool; false when absent
constexpr const char * norm_order = "clip.%s.norm_order";        // pre | post
constexpr const char * has_post_ln = "clip.%s.has_post_layernorm";
constexpr const char * has_qkv_bias = "clip.%s.attention.has_qkv_bias";  // bool; true when absent
constexpr const char * has_layer_scale = "clip.%s.has_layer_scale";      // bool; false when absent
constexpr const char * norm = "clip.%s.norm";                            // layer | rms; layer when absent
constexpr const char * has_k_bias = "clip.%s.attention.has_key_bias";    // bool; true when absent, as the next three
constexpr const char * has_out_bias = "clip.%s.attention.has_output_bias";
constexpr const char * has_mlp_bias = "clip.%s.has_feed_forward_bias";
constexpr const char * has_mlp_first_bias = "clip.%s.has_feed_forward_input_bias";
constexpr const char * has_mlp_gate = "clip.%s.has_feed_forward_gate";  // bool; false when absent, as the next four
constexpr const char * has_mlp_norm = "clip.%s.has_feed_forward_norm";
constexpr const char * has_mlp_in_norm = "clip.%s.has_feed_forward_input_norm";
constexpr const char * has_attn_norm = "clip.%s.attention.has_norm";
constexpr const char * has_qk_norm = "clip.%s.attention.has_query_key_norm";
constexpr const char * scales_scores = "clip.%s.attention.has_scaled_scores";  // bool; true when absent
constexpr const char * has_positions = "clip.%s.has_position_embedding";       // bool; true when absent
constexpr const char * rotary = "clip.%s.rope.pairs";  // none | neighbours | halves; none when absent
constexpr const char * rotary_base = "clip.%s.rope.freq_base";
constexpr const char * norm_after_pool = "clip.%s.norm_after_pooling";
constexpr const char * projection_hidden = "clip.%s.projection_hidden_length";  // u32; absent: a linear projection
constexpr const char * projection_act = "clip.%s.projection_act";  // word as for hidden_act; gelu when absent
constexpr const char * has_projection_hidden_bias = "clip.%s.has_projection_hidden_bias";  // bool; false when absent
constexpr const char * has_class_embd = "clip.%s.has_class_embedding";
constexpr const char * has_pre_ln = "clip.%s.has_pre_layernorm";
constexpr const char * has_patch_bias = "clip.vision.has_patch_bias";
constexpr const char * registers = "clip.vision.register_count";
constexpr const char * has_patch_norm = "clip.vision.has_patch_norm";
constexpr const char * has_class_position = "clip.vision.has_class_position";
constexpr const char * position_filter =
    "clip.vision.position_filter";  // bilinear_antialias | bicubic_antialias | bicubic
constexpr const char * rotary_grid = "clip.vision.rope.grid";
constexpr const char * rotary_offset = "clip.vision.rope.offset";
constexpr const char * rotary_x_first = "clip.vision.rope.column_first";
constexpr const char * rotary_coordinates = "clip.vision.rope.coordinates";  // index | centered
constexpr const char * pool_width = "clip.vision.pooling.embedding_length";  // u32; the tower's when absent
constexpr const char * has_pool_norm = "clip.vision.pooling.has_norms";      // bool; false when absent
constexpr const char * pool_heads = "clip.vision.pooling.head_count";        // u32; the blocks' when absent
constexpr const char * pool_ff = "clip.vision.pooling.feed_forward_length";  // likewise
constexpr const char * has_pool_query = "clip.vision.pooling.has_query";     // bool; true when absent, as the next two
constexpr const char * has_pool_bias = "clip.vision.pooling.has_qkv_bias";
constexpr const char * has_pool_mlp = "clip.vision.pooling.has_feed_forward";
constexpr const char * any_grid = "clip.vision.any_grid";        // bool: positions resized to each picture
constexpr const char * max_patches = "clip.vision.max_patches";  // u32, with resize_mode patches
// one value for each convolutional layer; absent: there are none
constexpr const char * conv_kind = "clip.vision.conv.kind";  // strings: conv_kind's enumerators
constexpr const char * conv_width = "clip.vision.conv.width";
constexpr const char * conv_kernel = "clip.vision.conv.kernel";
constexpr const char * conv_stride = "clip.vision.conv.stride";
constexpr const char * conv_ff = "clip.vision.conv.feed_forward_length";
constexpr const char * conv_has_norm = "clip.vision.conv.has_norm";  // 0 or 1
constexpr const char * conv_act = "clip.vision.conv.activation";     // strings
constexpr const char * context_length = "clip.text.context_length";
constexpr const char * causal = "clip.text.causal";
constexpr const char * max_alibi_bias = "clip.text.attention.max_alibi_bias";            // f32; 0 when absent: no ALiBi
constexpr const char * sees_padding = "clip.text.sees_padding";                          // bool
constexpr const char * position_buckets = "clip.text.attention.relative_buckets_count";  // u32; absent: there are none
constexpr const char * bucket_distance = "clip.text.attention.relative_max_distance";    // u32; 128 when absent
constexpr const char * position_offset = "clip.text.position_offset";                    // u32
constexpr const char * embedding_scale = "clip.text.embedding_scale";                    // f32; absent: 1
constexpr const char * mixer_kernel = "clip.text.mixer.kernel";                          // u32; absent: there are none
constexpr const char * mixer_ff = "clip.text.mixer.feed_forward_length";
constexpr const char * cleaning = "clip.text.cleaning";
constexpr const char * image_size = "clip.vision.image_size";
constexpr const char * patch_size = "clip.vision.patch_size";
constexpr const char * image_mean = "clip.vision.image_mean";
constexpr const char * image_std = "clip.vision.image_std";
constexpr const char * resize_mode = "clip.vision.resize_mode";      // shortest | squash | longest | patches
constexpr const char * interpolation = "clip.vision.interpolation";  // nearest | bilinear | bicubic
constexpr const char * resize_size = "clip.vision.resize_size";
constexpr const char * crop_size = "clip.vision.crop_size";          // image_size when absent
constexpr const char * crop_rounding = "clip.vision.crop_rounding";  // floor | half_even
constexpr const char * fill_color = "clip.vision.fill_color";
constexpr const char * background_color = "clip.vision.background_color";
constexpr const char * tokenizer_json = "tokenizer.huggingface.json";
constexpr const char * tokens = "tokenizer.ggml.tokens";
constexpr const char * merges = "tokenizer.ggml.merges";
constexpr const char * bos_id = "tokenizer.ggml.bos_token_id";
constexpr const char * eos_id = "tokenizer.ggml.eos_token_id";
constexpr const char * pad_id = "tokenizer.ggml.padding_token_id";
// a llama.cpp projector file, not a CLIP model
constexpr const char * llava_projector = "clip.has_llava_projector";
constexpr const char * projector_type = "clip.projector_type";
constexpr const char * vision_projector_type = "clip.vision.projector_type";

// "clip.vision.image_size"; tower: "vision" or "text"
inline std::string key_of(const char * pattern, const char * tower) { return print_text(pattern, tower); }

// "mixer.0." before the parts of the mixer before a text tower's blocks, "mixer.1." after them
inline std::string of_mixer(int mixer) { return "mixer." + std::to_string(mixer) + "."; }

// "layer.3." before the parts of the fourth convolutional layer
inline std::string of_layer(size_t layer) { return "layer." + std::to_string(layer) + "."; }

// "v.blk.0.attn_q.weight", "v.class_embd", "text_projection.weight"; tower: 'v' or 't', block: -1 outside the blocks
inline std::string of_tensor(char tower, int block, const std::string & part, const std::string & suffix) {
    const std::string end = suffix.empty() ? "" : "." + suffix;
    if (block >= 0) return print_text("%c.blk.%d.", tower, block) + part + (suffix.empty() ? ".weight" : end);
    if (part != proj && part != proj_hidden) return print_text("%c.", tower) + part + end;
    return (tower == 'v' ? "visual_projection" : "text_projection") + std::string(part == proj ? "" : ".hidden") + end;
}

}  // namespace ggclip::names
