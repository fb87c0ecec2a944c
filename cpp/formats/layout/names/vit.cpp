// Names of image towers, and of the text towers beside them, that transformers computes with classes of their own.
#include "formats/layout/names/parts.h"

#include "engine/names.h"

namespace ggclip {

namespace {

const part_name dinov2_parts[] = {
    {"class_embd", nullptr, "embeddings.cls_token"},
    {"register_embd", nullptr, "embeddings.register_tokens"},
    {"patch_embd", nullptr, "embeddings.patch_embeddings.projection"},
    {"position_embd", nullptr, "embeddings.position_embeddings"},
    {"post_ln", nullptr, "layernorm"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_q", nullptr, "attention.attention.query"},
    {"attn_k", nullptr, "attention.attention.key"},
    {"attn_v", nullptr, "attention.attention.value"},
    {"attn_out", nullptr, "attention.output.dense"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
    {"ls1", nullptr, "layer_scale1.lambda1"},
    {"ls2", nullptr, "layer_scale2.lambda1"},
};

const part_name dinov3_parts[] = {
    {"class_embd", nullptr, "embeddings.cls_token"},
    {"register_embd", nullptr, "embeddings.register_tokens"},
    {"patch_embd", nullptr, "embeddings.patch_embeddings"},
    {"post_ln", nullptr, "norm"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_q", nullptr, "attention.q_proj"},
    {"attn_k", nullptr, "attention.k_proj"},
    {"attn_v", nullptr, "attention.v_proj"},
    {"attn_out", nullptr, "attention.o_proj"},
    {"ffn_gate", nullptr, "mlp.gate_proj"},
    {"ffn_up", nullptr, "mlp.up_proj"},
    {"ffn_down", nullptr, "mlp.down_proj"},
    {"ls1", nullptr, "layer_scale1.lambda1"},
    {"ls2", nullptr, "layer_scale2.lambda1"},
};

const part_name tips_parts[] = {
    {"class_embd", nullptr, "embeddings.cls_token"},
    {"register_embd", nullptr, "embeddings.register_tokens"},
    {"patch_embd", nullptr, "embeddings.patch_embeddings.projection"},
    {"position_embd", nullptr, "embeddings.position_embeddings"},
    {"post_ln", nullptr, "layernorm"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_q", nullptr, "attention.q_proj"},
    {"attn_k", nullptr, "attention.k_proj"},
    {"attn_v", nullptr, "attention.v_proj"},
    {"attn_out", nullptr, "attention.o_proj"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
    {"ls1", nullptr, "layer_scale1.lambda1"},
    {"ls2", nullptr, "layer_scale2.lambda1"},
};

const part_name tips_gated_parts[] = {
    {"ffn_gate", nullptr, "mlp.gate_proj"},
    {"ffn_up", nullptr, "mlp.up_proj"},
    {"ffn_down", nullptr, "mlp.down_proj"},
};

const part_name tips_own_parts[] = {
    {"class_embd", nullptr, "cls_token"},
    {"register_embd", nullptr, "register_tokens"},
    {"patch_embd", nullptr, "patch_embed.proj"},
    {"position_embd", nullptr, "pos_embed"},
    {"post_ln", nullptr, "norm"},
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
};

const part_name blip_parts[] = {
    {"class_embd", nullptr, "vision_model.embeddings.class_embedding"},
    {"patch_embd", nullptr, "vision_model.embeddings.patch_embedding"},
    {"position_embd", nullptr, "vision_model.embeddings.position_embedding"},
    {"post_ln", nullptr, "vision_model.post_layernorm"},
    {"proj", nullptr, "vision_proj"},
    {"ln1", nullptr, "layer_norm1"},
    {"ln2", nullptr, "layer_norm2"},
    {"attn_q", nullptr, "self_attn.qkv"},
    {"attn_k", nullptr, "self_attn.qkv"},
    {"attn_v", nullptr, "self_attn.qkv"},
    {"attn_out", nullptr, "self_attn.projection"},
    {"ffn_up", nullptr, "mlp.fc1"},
    {"ffn_down", nullptr, "mlp.fc2"},
};

const part_name eva_parts[] = {
    {"class_embd", nullptr, "vision_model.cls_token"},
    {"patch_embd", nullptr, "vision_model.patch_embed.proj"},
    {"position_embd", nullptr, "vision_model.pos_embed"},
    {"post_ln", nullptr, "vision_model.norm"},
    {"ln1", nullptr, "norm1"},
    {"ln2", nullptr, "norm2"},
    {"attn_norm", nullptr, "attn.inner_attn_ln"},
    {"attn_out", nullptr, "attn.proj"},
    {"ffn_gate", nullptr, "mlp.w1"},
    {"ffn_norm", nullptr, "mlp.ffn_ln"},
    {"ls1", nullptr, "gamma_1"},
    {"ls2", nullptr, "gamma_2"},
};

const part_name aimv2_parts[] = {
    {"patch_embd", "vision_model.embeddings.patch_embed", ""},
    {"patch_norm", "vision_model.embeddings.rms_norm", ""},
    {"position_embd", "vision_model.embeddings.position_embedding", "text_model.embeddings.position_embedding"},
    {"token_embd", "", "text_model.embeddings.token_embedding"},
    {"post_ln", "vision_model.rms_norm", "text_model.rms_norm"},
    {"proj", "visual_projection", "text_projection"},
    {"head.probe", "vision_model.head.cls_token", ""},
    {"head.attn_k", "vision_model.head.k_proj", ""},
    {"head.attn_v", "vision_model.head.v_proj", ""},
    {"head.attn_out", "vision_model.head.output_proj", ""},
    {"ln1", nullptr, "rms_norm1"},
    {"ln2", nullptr, "rms_norm2"},
    {"attn_q", nullptr, "attention.q_proj"},
    {"attn_k", nullptr, "attention.k_proj"},
    {"attn_v", nullptr, "attention.v_proj"},
    {"attn_out", nullptr, "attention.out_proj"},
    {"ffn_gate", nullptr, "ffn.gate_proj"},
    {"ffn_up", nullptr, "ffn.up_proj"},
    {"ffn_down", nullptr, "ffn.down_proj"},
};

// Tokens and positions are bare parameters.
const char * suffix_of(const expected_tensor & tensor) {
    return tensor.part == ggclip::names::position_embd ? "" : tensor.suffix;
}

}  // namespace

tensor_origin dinov2_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string part = find_part(dinov2_parts, tensor);
    if (tensor.block < 0) return whole(with_suffix(names.vision_prefix + part, suffix_of(tensor)));
    const std::string block = names.vision_prefix + "encoder.layer." + std::to_string(tensor.block) + ".";
    if (tensor.part == ggclip::names::ls1 || tensor.part == ggclip::names::ls2) return whole(block + part);
    if (!names.dino_gate_packed) return whole(with_suffix(block + part, tensor.suffix));
    // Dinov2SwiGLUFFN: the first half of the rows has the activation
    const bool gate = tensor.part == ggclip::names::ffn_gate;
    if (gate || tensor.part == ggclip::names::ffn_up)
        return rows_of(with_suffix(block + "mlp.weights_in", tensor.suffix), gate ? 0 : 1, 2);
    return whole(
        with_suffix(block + (tensor.part == ggclip::names::ffn_down ? "mlp.weights_out" : part), tensor.suffix));
}

tensor_origin dinov3_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string part = find_part(dinov3_parts, tensor);
    const std::string block = tensor.block >= 0 ? "layer." + std::to_string(tensor.block) + "." : "";
    return whole(with_suffix(names.vision_prefix + block + part, tensor.suffix));
}

tensor_origin aimv2_origin(const expected_tensor & tensor, const source_names & names) {
    const bool vision = tensor.tower == 'v';
    const std::string tower = vision ? "vision_model." : "text_model.", part = find_part(aimv2_parts, tensor);
    const std::string block =
        tensor.block >= 0 ? tower + "encoder.layers." + std::to_string(tensor.block) + "." : std::string();
    tensor_origin origin = whole(with_suffix(block + part, tensor.suffix));
    const bool flat = vision ? names.vision_flat : names.text_flat;
    if (flat && begins_with(origin.name, tower)) origin.name.erase(0, tower.size());
    return origin;
}

tensor_origin tips_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string gated = names.dino_gate_packed ? find_part(tips_gated_parts, tensor) : "";
    const std::string part = gated.empty() ? find_part(tips_parts, tensor) : gated;
    const std::string block = tensor.block >= 0 ? "encoder.layer." + std::to_string(tensor.block) + "." : "";
    return whole(with_suffix(names.vision_prefix + block + part, suffix_of(tensor)));
}

tensor_origin tips_own_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string part = find_part(tips_own_parts, tensor);
    if (tensor.block < 0) return whole(with_suffix(names.vision_prefix + part, suffix_of(tensor)));
    const std::string block = names.vision_prefix + "blocks." + std::to_string(tensor.block) + ".";
    const int third = third_of(tensor.part);
    if (third >= 0) return rows_of(with_suffix(block + part, tensor.suffix), third, 3);
    const bool up = tensor.part == ggclip::names::ffn_up, down = tensor.part == ggclip::names::ffn_down;
    if (names.mlp_c_fc && (up || down))
        return whole(with_suffix(block + (up ? "mlp.c_fc" : "mlp.c_proj"), tensor.suffix));
    if (!names.dino_gate_packed) return whole(with_suffix(block + part, tensor.suffix));
    // SwiGLUFFN: the first half of w12's rows has the activation
    const bool gate = tensor.part == ggclip::names::ffn_gate;
    if (gate || up) return rows_of(with_suffix(block + "mlp.w12", tensor.suffix), gate ? 0 : 1, 2);
    return whole(with_suffix(block + (down ? "mlp.w3" : part), tensor.suffix));
}

tensor_origin eva_origin(const expected_tensor & tensor, const source_names & names) {
    const std::string part = find_part(eva_parts, tensor);
    if (tensor.part == "proj") return whole(with_suffix(names.eva_proj, tensor.suffix));
    if (tensor.block < 0) return whole(tensor.part == "position_embd" ? part : with_suffix(part, tensor.suffix));
    const std::string block = "vision_model.blocks." + std::to_string(tensor.block) + ".";
    const int third = third_of(tensor.part);
    if (third >= 0 && strcmp(tensor.suffix, "bias") == 0) return whole(block + "attn." + "qkv"[third] + "_bias");
    if (third >= 0 && names.eva_apart) return whole(block + "attn." + "qkv"[third] + "_proj.weight");
    if (third >= 0) return rows_of(block + "attn.qkv.weight", third, 3);
    const bool up = tensor.part == ggclip::names::ffn_up;
    if (up || tensor.part == ggclip::names::ffn_down) {
        const char * name = names.eva_gated ? (up ? "w2" : "w3") : (up ? "fc1" : "fc2");
        return whole(with_suffix(block + "mlp." + name, tensor.suffix));
    }
    return whole(with_suffix(block + part, tensor.suffix));
}

tensor_origin blip_origin(const expected_tensor & tensor) {
    const std::string part = find_part(blip_parts, tensor);
    if (tensor.block < 0) return whole(tensor.part == "position_embd" ? part : with_suffix(part, tensor.suffix));
    const std::string name =
        with_suffix("vision_model.encoder.layers." + std::to_string(tensor.block) + "." + part, tensor.suffix);
    const int third = third_of(tensor.part);
    return third >= 0 ? rows_of(name, third, 3) : whole(name);
}

}  // namespace ggclip
