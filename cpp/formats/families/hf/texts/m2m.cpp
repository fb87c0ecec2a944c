#include "formats/families/hf/texts/texts.h"

#include "formats/families/hf/hf.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

bool is_m2m_shaped(const tensor_table & table, const std::string & prefix) {
    return has_tensor(table, prefix + "embed_tokens.weight") &&
           !has_tensor(table, prefix + "embed_positions.weight") &&  // learned ones: mBART and others
           has_tensor(table, prefix + "layers.0.self_attn_layer_norm.weight");
}

// transformers' M2M100Encoder. NLLB-200 (600M, 1.3B, 3.3B) and M2M-100 (418M, 1.2B) have 16 heads, ReLU and scaled
// token vectors, their config.json on the hub says.
void read_m2m_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                      text_hparams & text) {
    text.present = true;
    text.n_embd = extent_of(table, prefix + "embed_tokens.weight", 2, 0, limits::max_width);
    text.n_vocab = extent_of(table, prefix + "embed_tokens.weight", 2, 1, limits::max_vocab);
    text.n_layer = std::max(1, count_blocks(table, prefix + "layers."));
    text.n_ff = extent_of(table, prefix + "layers.0.fc1.weight", 2, 1, limits::max_ff);
    text.n_head = 16;
    text.act = activation::relu;
    text.embd_scale = std::sqrt((float) text.n_embd);
    text.pad_id = 1;
    if (describes_encoder(
            beside, {"m2m_100"},
            {{"d_model", text.n_embd}, {"encoder_layers", text.n_layer}, {"encoder_ffn_dim", text.n_ff}})) {
        text.n_head = (int32_t) beside.integer("encoder_attention_heads", 16, 1, limits::max_heads);
        if (!beside.boolean("scale_embedding", true)) text.embd_scale = 1;
        const std::string act = beside.string("activation_function", "relu");
        if (!parse_activation_or_relu(act, text.act))
            beside.get("activation_function").unsupported("relu, gelu, gelu_new, quick_gelu and silu");
        text.pad_id =
            (int32_t) beside.integer("pad_token_id", 1, 0, std::min<int64_t>(text.n_vocab, limits::max_ctx) - 1);
    }
    text.order = norm_order::pre;
    text.eps = 1e-5f;  // nn.LayerNorm's
    text.has_pre_ln = false;
    text.has_post_ln = true;
    text.causal = text.sees_padding = false;
    text.position_offset = text.pad_id + 1;
    text.cleaning = text_cleaning::none;
}

}  // namespace ggclip
