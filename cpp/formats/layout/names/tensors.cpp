// Tensor names of each source family.
#include "formats/layout/names/tensors.h"

#include "engine/names.h"
#include "formats/layout/names/parts.h"

#include <cstring>

namespace ggclip {

namespace {

const part_name hf_parts[] = {
    {"class_embd", "vision_model.embeddings.class_embedding", ""},
    {"patch_embd", "vision_model.embeddings.patch_embedding", ""},
    {"position_embd", "vision_model.embeddings.position_embedding", "text_model.embeddings.position_embedding"},
    {"token_embd", "", "text_model.embeddings.token_embedding"},
    {"pre_ln", "vision_model.pre_layrnorm", ""},  // sic, the reference's spelling
    {"post_ln", "vision_model.post_layernorm", "text_model.final_layer_norm"},
    {"proj", "visual_projection", "text_projection"},
    {"head.probe", "vision_model.head.probe", ""},
    {"head.attn_out", "vision_model.head.attention.out_proj", ""},
    {"head.ln", "vision_model.head.layernorm", ""},
    {"head.ffn_up", "vision_model.head.mlp.fc1", ""},
    {"head.ffn_down", "vision_model.head.mlp.fc2", ""},
    {"ln1", nullptr, "layer_norm1"},
    {"ln2", nullptr, "layer_norm2"},
    {"attn_q", nullptr, "self_attn.q_proj"},
    {"attn_k", nullptr, "self_attn.k_proj"},
    {"attn_v", nullptr, "self_attn.v_proj"},
    {"attn_out", nullptr, "self_attn.out_proj"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
};

const part_name open_clip_parts[] = {
    {"class_embd", "class_embedding", "cls_emb"},
    {"patch_embd", "conv1", ""},
    {"position_embd", nullptr, "positional_embedding"},
    {"token_embd", "", "token_embedding"},
    {"pre_ln", "ln_pre", ""},
    {"post_ln", "ln_post", "ln_final"},
    {"proj", "proj", "text_projection"},
    {"ln1", nullptr, "ln_1"},
    {"ln2", nullptr, "ln_2"},
    {"attn_out", nullptr, "attn.out_proj"},
    {"ffn_up", nullptr, "mlp.c_fc"},
    {"ffn_down", nullptr, "mlp.c_proj"},
    {"ls1", nullptr, "ls_1.gamma"},
    {"ls2", nullptr, "ls_2.gamma"},
    {"head.attn_q_norm", "attn_pool.ln_q", ""},
    {"head.attn_k_norm", "attn_pool.ln_k", ""},
    {"head.attn_out", "attn_pool.attn.out_proj", ""},
};

// timm's VisionTransformer inside open_clip's TimmModel
const part_name timm_parts[] = {
    {"class_embd", nullptr, "cls_token"},
    {"patch_embd", nullptr, "patch_embed.proj"},
    {"position_embd", nullptr, "pos_embed"},
    {"pre_ln", nullptr, "norm_pre"},
    {"post_ln", nullptr, "norm"},
    {"head.probe", nullptr, "attn_pool.latent"},
    {"head.attn_q", nullptr, "attn_pool.q"},
    {"head.attn_k", nullptr, "attn_pool.kv"},
    {"head.attn_v", nullptr, "attn_pool.kv"},
    {"head.attn_out", nullptr, "attn_pool.proj"},
    {"head.ln", nullptr, "attn_pool.norm"},
    {"head.ffn_up", nullptr, "attn_pool.mlp.fc1"},
    {"head.ffn_down", nullptr, "attn_pool.mlp.fc2"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_q", nullptr, "attn.qkv"},
    {"attn_k", nullptr, "attn.qkv"},
    {"attn_v", nullptr, "attn.qkv"},
    {"attn_out", nullptr, "attn.proj"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
    {"ls1", nullptr, "ls1.gamma"},
    {"ls2", nullptr, "ls2.gamma"},
    {"attn_norm", nullptr, "attn.norm"},
    {"attn_q_norm", nullptr, "attn.q_norm"},
    {"attn_k_norm", nullptr, "attn.k_norm"},
    {"ffn_gate", nullptr, "mlp.fc1_g"},
    {"ffn_norm", nullptr, "mlp.norm"},
    {"ffn_in_norm", nullptr, "mlp.norm"},
};

// transformers' BertModel, RobertaModel, XLMRobertaModel
const part_name bert_parts[] = {
    {"token_embd", nullptr, "embeddings.word_embeddings"},
    {"token_type_embd", nullptr, "embeddings.token_type_embeddings"},
    {"position_embd", nullptr, "embeddings.position_embeddings"},
    {"pre_ln", nullptr, "embeddings.LayerNorm"},
    {"ln1", nullptr, "attention.output.LayerNorm"},
    {"ln2", nullptr, "output.LayerNorm"},
    {"attn_q", nullptr, "attention.self.query"},
    {"attn_k", nullptr, "attention.self.key"},
    {"attn_v", nullptr, "attention.self.value"},
    {"attn_out", nullptr, "attention.output.dense"},
    {"ffn_up", nullptr, "intermediate.dense"},
    {"ffn_down", nullptr, "output.dense"},
};

// transformers' DistilBertModel
const part_name distilbert_parts[] = {
    {"token_embd", nullptr, "embeddings.word_embeddings"},
    {"position_embd", nullptr, "embeddings.position_embeddings"},
    {"pre_ln", nullptr, "embeddings.LayerNorm"},
    {"ln1", nullptr, "sa_layer_norm"},
    {"ln2", nullptr, "output_layer_norm"},
    {"attn_q", nullptr, "attention.q_lin"},
    {"attn_k", nullptr, "attention.k_lin"},
    {"attn_v", nullptr, "attention.v_lin"},
    {"attn_out", nullptr, "attention.out_lin"},
    {"ffn_up", nullptr, "ffn.lin1"},
    {"ffn_down", nullptr, "ffn.lin2"},
};

// flash_attn's BertModel, and what jina-bert-flash-implementation and xlm-roberta-flash-implementation made of it
const part_name flash_parts[] = {
    {"token_embd", nullptr, "embeddings.word_embeddings"},
    {"token_type_embd", nullptr, "embeddings.token_type_embeddings"},
    {"pre_ln", nullptr, "emb_ln"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_q", nullptr, "mixer.Wqkv"},
    {"attn_k", nullptr, "mixer.Wqkv"},
    {"attn_v", nullptr, "mixer.Wqkv"},
    {"attn_out", nullptr, "mixer.out_proj"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
};

// transformers' M2M100Encoder
const part_name m2m_parts[] = {
    {"token_embd", nullptr, "embed_tokens"},
    {"post_ln", nullptr, "layer_norm"},
    {"ln1", nullptr, "self_attn_layer_norm"},
    {"ln2", nullptr, "final_layer_norm"},
    {"attn_q", nullptr, "self_attn.q_proj"},
    {"attn_k", nullptr, "self_attn.k_proj"},
    {"attn_v", nullptr, "self_attn.v_proj"},
    {"attn_out", nullptr, "self_attn.out_proj"},
    {"ffn_up", nullptr, "fc1"},
    {"ffn_down", nullptr, "fc2"},
};

// transformers' MT5Stack; the first block's table serves all. With a gate the values' matrix is wi_1, else wi.
const part_name t5_parts[] = {
    {"token_embd", nullptr, "embed_tokens"},
    {"position_bias", nullptr, "block.0.layer.0.SelfAttention.relative_attention_bias"},
    {"post_ln", nullptr, "final_layer_norm"},
    {"ln1", nullptr, "layer.0.layer_norm"},
    {"ln2", nullptr, "layer.1.layer_norm"},
    {"attn_q", nullptr, "layer.0.SelfAttention.q"},
    {"attn_k", nullptr, "layer.0.SelfAttention.k"},
    {"attn_v", nullptr, "layer.0.SelfAttention.v"},
    {"attn_out", nullptr, "layer.0.SelfAttention.o"},
    {"ffn_gate", nullptr, "layer.1.DenseReluDense.wi_0"},
    {"ffn_up", nullptr, "layer.1.DenseReluDense.wi_1"},
    {"ffn_down", nullptr, "layer.1.DenseReluDense.wo"},
};

tensor_origin hf_whole_origin(const expected_tensor & tensor, bool siglip, bool linear_patches) {
    const std::string part = find_part(hf_parts, tensor);
    if (tensor.block >= 0) {
        const std::string layers = tensor.tower == 'v' ? "vision_model.encoder.layers." : "text_model.encoder.layers.";
        return whole(with_suffix(layers + std::to_string(tensor.block) + "." + part, tensor.suffix));
    }
    if (begins_with(tensor.part, "head.") && third_of(tensor.part) >= 0)
        return rows_of(std::string("vision_model.head.attention.in_proj_") + tensor.suffix, third_of(tensor.part), 3);
    if (linear_patches && tensor.part == "patch_embd" && strcmp(tensor.suffix, "weight") == 0) {
        tensor_origin origin = whole(with_suffix(part, tensor.suffix));
        origin.channels_last = true;
        return origin;
    }
    if (siglip && tensor.tower == 't' && tensor.part == "proj")
        return whole(with_suffix("text_model.head", tensor.suffix));
    return whole(with_suffix(part, tensor.suffix));
}

// transformers 5 saves a single tower under that tower's own names.
tensor_origin hf_origin(const expected_tensor & tensor, const source_names & names, bool siglip) {
    tensor_origin origin = hf_whole_origin(tensor, siglip, siglip && names.linear_patches);
    if (names.pre_layernorm && tensor.part == "pre_ln")
        origin = whole(with_suffix("vision_model.pre_layernorm", tensor.suffix));
    if (tensor.tower == 'v' && tensor.block >= 0 && names.layer_singular)
        origin.name.replace(strlen("vision_model.encoder.layers") - 1, 1, "");
    if (names.vision_nested && begins_with(origin.name, "vision_model.")) origin.name.insert(0, "vision_model.");
    const bool flat = tensor.tower == 'v' ? names.vision_flat : names.text_flat;
    const char * tower = tensor.tower == 'v' ? "vision_model." : "text_model.";
    if (flat && begins_with(origin.name, tower)) origin.name.erase(0, strlen(tower));
    return origin;
}

// The attention pooling's learned queries, of which the first becomes the embedding, and its fused input: torch's
// MultiheadAttention, whose matrices are apart where keys are not as wide as queries.
tensor_origin open_clip_pool_origin(const expected_tensor & tensor, const source_names & names) {
    if (tensor.part == "head.probe") {
        tensor_origin origin = rows_of("visual.attn_pool.query", 0, names.n_pool_query);
        origin.row = true;
        return origin;
    }
    const std::string attn = "visual.attn_pool.attn.";
    const int third = third_of(tensor.part);
    if (names.pool_qkv_apart && strcmp(tensor.suffix, "weight") == 0)
        return whole(attn + "qkv"[third] + "_proj_weight");
    return rows_of(attn + "in_proj_" + tensor.suffix, third, 3);
}

tensor_origin open_clip_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string part = find_part(open_clip_parts, tensor);
    const std::string tower = tensor.tower == 'v' ? "visual." : names.text_prefix;
    if (tensor.block >= 0) {
        const std::string block = tower + "transformer.resblocks." + std::to_string(tensor.block) + ".";
        if (third_of(tensor.part) >= 0)
            return rows_of(block + "attn.in_proj_" + tensor.suffix, third_of(tensor.part), 3);
        return whole(with_suffix(block + part, tensor.suffix));
    }
    if (begins_with(tensor.part, "head.") && part.empty()) return open_clip_pool_origin(tensor, names);
    if (tensor.part == "proj") {
        if (tensor.tower == 't' && names.text_proj_is_module) return whole(with_suffix(tower + part, tensor.suffix));
        tensor_origin origin = whole(tower + part);  // a bare parameter, used as x @ P
        origin.transposed = true;
        return origin;
    }
    const bool bare = tensor.part == "position_embd";
    return whole(bare ? tower + part : with_suffix(tower + part, tensor.suffix));
}

// A block's tensor; `part`: its name in a plain ViT.
tensor_origin timm_block_origin(const expected_tensor & tensor, const std::string & part, const source_names & names) {
    const std::string block = "visual.trunk.blocks." + std::to_string(tensor.block) + ".";
    const int third = third_of(tensor.part);
    const bool is_bias = strcmp(tensor.suffix, "bias") == 0;
    if (third >= 0 && names.timm_qkv_apart)
        return whole(with_suffix(block + "attn." + "qkv"[third] + "_proj", tensor.suffix));
    if (third >= 0 && is_bias && names.timm_bias_apart) return whole(block + "attn." + "qkv"[third] + "_bias");
    if (third >= 0) return rows_of(with_suffix(block + part, tensor.suffix), third, 3);
    const bool gate = tensor.part == ggclip::names::ffn_gate, up = tensor.part == ggclip::names::ffn_up;
    if (names.timm_geglu && (gate || up || tensor.part == ggclip::names::ffn_down))
        return whole(with_suffix(block + "mlp.w" + (gate ? "0" : up ? "1" : "2"), tensor.suffix));
    if ((gate || up) && names.timm_gate_packed)
        return rows_of(with_suffix(block + "mlp.fc1", tensor.suffix), gate ? 0 : 1, 2);
    if (up && names.timm_gate_apart) return whole(with_suffix(block + "mlp.fc1_x", tensor.suffix));
    if (names.timm_gamma && tensor.part == ggclip::names::ls1) return whole(block + "gamma_1");
    if (names.timm_gamma && tensor.part == ggclip::names::ls2) return whole(block + "gamma_2");
    return whole(with_suffix(block + part, tensor.suffix));
}

tensor_origin timm_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string trunk = "visual.trunk.", part = find_part(timm_parts, tensor);
    if (tensor.part == "proj") {
        tensor_origin origin =
            whole(names.timm_proj_bare ? names.timm_proj : with_suffix(names.timm_proj, tensor.suffix));
        origin.transposed = names.timm_proj_bare;
        return origin;
    }
    if (tensor.part == "proj_hidden") return whole(with_suffix(names.timm_proj_hidden, tensor.suffix));
    if (tensor.part == "post_ln" && names.timm_fc_norm) return whole(with_suffix(trunk + "fc_norm", tensor.suffix));
    if (tensor.block >= 0) return timm_block_origin(tensor, part, names);
    if (tensor.part == "head.attn_k" || tensor.part == "head.attn_v")
        return rows_of(with_suffix(trunk + part, tensor.suffix), third_of(tensor.part) - 1, 2);
    const bool bare = tensor.part == "position_embd";
    return whole(bare ? trunk + part : with_suffix(trunk + part, tensor.suffix));
}

tensor_origin flash_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string block = tensor.block >= 0 ? "encoder.layers." + std::to_string(tensor.block) + "." : "";
    const std::string begin = names.text_prefix + block;
    const int third = third_of(tensor.part);
    const bool gate = tensor.part == ggclip::names::ffn_gate;
    if (names.encoder == encoder_names::flash_gated) {  // the first half of gated_layers' rows has the activation
        if (gate || tensor.part == ggclip::names::ffn_up)
            return rows_of(with_suffix(begin + "mlp.gated_layers", tensor.suffix), gate ? 0 : 1, 2);
        if (tensor.part == ggclip::names::ffn_down) return whole(with_suffix(begin + "mlp.wo", tensor.suffix));
    }
    const std::string name = with_suffix(begin + find_part(flash_parts, tensor), tensor.suffix);
    return third >= 0 ? rows_of(name, third, 3) : whole(name);
}

tensor_origin bert_origin(const expected_tensor & tensor, const source_names & names) {
    if (tensor.part == "proj" || tensor.part == "proj_hidden")
        return whole(with_suffix(tensor.part == "proj" ? names.bert_proj : names.bert_proj_hidden, tensor.suffix));
    if (tensor.part == "post_ln" && !names.bert_post_ln.empty())
        return whole(with_suffix(names.bert_post_ln, tensor.suffix));
    // a buffer that only old files have: the positions are computed (M2M100SinusoidalPositionalEmbedding)
    if (names.encoder == encoder_names::m2m_100 && tensor.part == "position_embd")
        return whole(names.text_prefix + "embed_positions.weights");
    std::string part, blocks;
    switch (names.encoder) {
        case encoder_names::bert: part = find_part(bert_parts, tensor), blocks = "encoder.layer."; break;
        case encoder_names::distilbert:
            part = find_part(distilbert_parts, tensor), blocks = "transformer.layer.";
            break;
        case encoder_names::m2m_100: part = find_part(m2m_parts, tensor), blocks = "layers."; break;
        case encoder_names::t5: part = find_part(t5_parts, tensor), blocks = "block."; break;
        case encoder_names::flash:
        case encoder_names::flash_gated: return flash_origin(tensor, names);
    }
    if (names.t5_plain_mlp && tensor.part == ggclip::names::ffn_up) part = "layer.1.DenseReluDense.wi";
    const std::string block = tensor.block >= 0 ? blocks + std::to_string(tensor.block) + "." : "";
    return whole(with_suffix(names.text_prefix + block + part, tensor.suffix));
}

tensor_origin clip_cpp_origin(const expected_tensor & tensor) {
    const bool up = tensor.block >= 0 && tensor.part == ggclip::names::ffn_up;
    const bool down = tensor.block >= 0 && tensor.part == ggclip::names::ffn_down;
    if (up || down) {
        const char * part = up ? names::ffn_down : names::ffn_up;
        return whole(names::of_tensor(tensor.tower, tensor.block, part, tensor.suffix));
    }
    return whole(tensor.name);
}

}  // namespace

tensor_origin origin_of(const expected_tensor & tensor, const source_names & names) {
    switch (tensor.tower == 'v' ? names.vision : names.text) {
        case name_scheme::hf_clip: return hf_origin(tensor, names, false);
        case name_scheme::hf_siglip: return hf_origin(tensor, names, true);
        case name_scheme::open_clip: return open_clip_origin(tensor, names);
        case name_scheme::timm: return timm_origin(tensor, names);
        case name_scheme::bert: return bert_origin(tensor, names);
        case name_scheme::dinov2: return dinov2_origin(tensor, names);
        case name_scheme::dinov3: return dinov3_origin(tensor, names);
        case name_scheme::aimv2: return aimv2_origin(tensor, names);
        case name_scheme::blip: return blip_origin(tensor);
        case name_scheme::tips: return tips_origin(tensor, names);
        case name_scheme::tips_own: return tips_own_origin(tensor, names);
        case name_scheme::eva: return eva_origin(tensor, names);
        case name_scheme::clip_cpp: return clip_cpp_origin(tensor);
        case name_scheme::ggclip: break;
    }
    return whole(tensor.name);
}

}  // namespace ggclip
