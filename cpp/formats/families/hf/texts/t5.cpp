#include "formats/families/hf/texts/texts.h"

#include "engine/error.h"
#include "formats/families/hf/hf.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

namespace {

const char * const bias_name = "block.0.layer.0.SelfAttention.relative_attention_bias.weight";

// The activation of "gated-gelu" is gelu_new, whatever its name says (MT5Config).
activation read_activation(const json_ref & config, bool gated) {
    const std::string kind = config.string("feed_forward_proj", "gated-gelu");
    const bool states_gate = begins_with(kind, "gated-");
    activation act = activation::relu;
    const std::string word = states_gate ? kind.substr(6) : kind;
    if (kind == "gated-gelu") act = activation::gelu_tanh;
    else if (states_gate != gated || !parse_activation_or_relu(word, act))
        config.get("feed_forward_proj").unsupported(gated ? "gated-gelu and gated-silu" : "relu and gelu");
    return act;
}

}  // namespace

bool is_t5_shaped(const tensor_table & table, const std::string & prefix) {
    return has_tensor(table, prefix + "embed_tokens.weight") && has_tensor(table, prefix + bias_name);
}

// transformers' MT5Stack. All published mT5 encoders have gated MLPs, buckets up to a distance of 128 and padding 0,
// their config.json on the hub says.
void read_t5_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                     text_hparams & text) {
    const std::string block = prefix + "block.0.layer.";
    const bool gated = has_tensor(table, block + "1.DenseReluDense.wi_0.weight");
    text.present = true;
    text.n_embd = extent_of(table, prefix + "embed_tokens.weight", 2, 0, limits::max_width);
    text.n_vocab = extent_of(table, prefix + "embed_tokens.weight", 2, 1, limits::max_vocab);
    text.n_layer = std::max(1, count_blocks(table, prefix + "block."));
    text.n_ff = extent_of(table, block + "1.DenseReluDense.wo.weight", 2, 0, limits::max_ff);
    text.n_head = extent_of(table, prefix + bias_name, 2, 0, limits::max_heads);
    text.n_bucket = extent_of(table, prefix + bias_name, 2, 1, limits::max_bucket);
    const int32_t n_attn = extent_of(table, block + "0.SelfAttention.q.weight", 2, 1, limits::max_width);
    if (n_attn % text.n_head != 0) {
        throw_error(error_code::TENSOR_SHAPE, block + "0.SelfAttention.q.weight: expected rows for " +
                                                  std::to_string(text.n_head) + " heads, found " +
                                                  std::to_string(n_attn));
    }
    text.d_head = n_attn / text.n_head;
    text.act = gated ? activation::gelu_tanh : activation::relu;
    text.eps = 1e-6f;
    text.pad_id = 0;
    if (describes_encoder(beside, {"mt5", "t5"},
                          {{"d_model", text.n_embd}, {"num_layers", text.n_layer}, {"d_ff", text.n_ff}})) {
        text.act = read_activation(beside, gated);
        text.eps = (float) beside.real("layer_norm_epsilon", 1e-6, limits::min_eps, limits::max_eps);
        text.pad_id = (int32_t) beside.integer("pad_token_id", 0, 0, text.n_vocab - 1);
        text.bucket_distance = (int32_t) beside.integer("relative_attention_max_distance", 128, 1, limits::max_ctx);
    }
    text.norm = norm_kind::rms;
    text.order = norm_order::pre;
    text.has_mlp_gate = gated;
    text.has_qkv_bias = text.has_out_bias = text.has_mlp_bias = text.has_positions = text.scales_scores = false;
    text.has_pre_ln = text.causal = text.sees_padding = false;
    text.has_post_ln = true;
    text.cleaning = text_cleaning::none;
}

}  // namespace ggclip
