#include "formats/families/timm/timm.h"

#include "engine/error.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cstdlib>

namespace ggclip {

namespace {

// What the entries of timm/models/eva.py do not say in tensors, by the beginning of their names.
struct eva_entry {
    const char * begin;
    int32_t n_head;
    bool rotary;
    int32_t rotary_grid;  // ref_feat_shape, where it is not the grid of the size in the name; else 0
    float rotary_offset;  // rope_grid_offset
    bool pe;              // rope_grid_indexing "xy", attention pooling with 8 heads, norms with an epsilon of 1e-5
};

const eva_entry entries[] = {
    {"eva_giant_", 16, false, 0, 0, false},          {"eva02_tiny_", 3, true, 16, 0, false},
    {"eva02_small_", 6, true, 16, 0, false},         {"eva02_base_", 12, true, 16, 0, false},
    {"eva02_large_", 16, true, 16, 0, false},        {"eva02_enormous_", 16, false, 0, 0, false},
    {"vit_pe_core_tiny_", 3, true, 0, 1, true},      {"vit_pe_core_small_", 6, true, 0, 1, true},
    {"vit_pe_core_base_", 12, true, 0, 1, true},     {"vit_pe_core_large_", 16, true, 0, 1, true},
    {"vit_pe_core_gigantic_", 16, true, 0, 0, true},
};

const eva_entry * find_entry(const std::string & name) {
    const auto * found = std::find_if(std::begin(entries), std::end(entries),
                                      [&](const eva_entry & entry) { return begins_with(name, entry.begin); });
    return found == std::end(entries) ? nullptr : found;
}

void refuse_others(const tensor_table & table, const std::string & trunk) {
    for (const char * part : {"reg_token", "rope.freqs", "blocks.0.attn.gate.weight"}) {
        if (!has_tensor(table, trunk + part)) continue;
        throw_error(error_code::MODEL_UNSUPPORTED,
                    table.tensors.begin()->second.path + ": tensor " + trunk + part +
                        ": this version computes EVA, EVA02 and PE-Core, found an extension of them");
    }
}

// What the tensors of a block show.
void read_block(const tensor_table & table, const std::string & block, vision_hparams & vision, source_names & names) {
    const auto has = [&](const char * part) { return has_tensor(table, block + part); };
    names.timm_qkv_apart = has("attn.q_proj.weight");
    names.timm_bias_apart = has("attn.q_bias");
    vision.has_qkv_bias = names.timm_bias_apart || has("attn.qkv.bias") || has("attn.q_proj.bias");
    vision.has_k_bias = has("attn.qkv.bias") || has("attn.k_proj.bias");
    vision.has_attn_norm = has("attn.norm.weight");
    vision.has_qk_norm = has("attn.q_norm.weight");
    vision.has_mlp_norm = has("mlp.norm.weight");
    vision.has_layer_scale = names.timm_gamma = has("gamma_1");
    vision.n_ff = extent_of(table, block + "mlp.fc2.weight", 2, 0, limits::max_ff);
    names.timm_gate_apart = has("mlp.fc1_g.weight");
    const int64_t n_first =
        names.timm_gate_apart ? vision.n_ff : extent_of(table, block + "mlp.fc1.weight", 2, 1, 2 * limits::max_ff);
    names.timm_gate_packed = n_first == 2 * (int64_t) vision.n_ff;
    vision.has_mlp_gate = names.timm_gate_apart || names.timm_gate_packed;
    vision.act = vision.has_mlp_gate ? activation::silu : activation::gelu_erf;
}

// Whether the position table has the grid of the size that the name ends with: ref_feat_shape is registered for that
// one.
bool has_registered_grid(const std::string & name, const tensor_table & table, const std::string & trunk,
                         const vision_hparams & vision) {
    const std::string whole = name.substr(0, name.find('.'));  // without a checkpoint's tag
    const int64_t size = atoi(whole.c_str() + whole.rfind('_') + 1), side = size / vision.patch_size;
    const int64_t n_position = extent_of(table, trunk + "pos_embed", 3, 1, limits::max_tokens);
    return n_position - vision.n_class_position() == side * side;
}

}  // namespace

bool is_timm_eva(const std::string & name) { return find_entry(name) != nullptr; }

std::string read_timm_eva(const std::string & name, const tensor_table & table, const std::string & trunk,
                          vision_hparams & vision, source_names & names) {
    const eva_entry & entry = *find_entry(name);
    refuse_others(table, trunk);
    vision.n_head = entry.n_head;
    // The giant's 16 heads are of its own width; of a smaller one nothing says them. Checkpoints of that kind are test
    // models, whose heads have 16 values.
    if (begins_with(name, "eva_giant_") && vision.n_embd != 1408) vision.n_head = std::max(1, vision.n_embd / 16);
    vision.eps = entry.pe ? 1e-5f : 1e-6f;  // timm.layers.LayerNorm's default
    vision.order = begins_with(name, "eva02_enormous_") ? norm_order::branch : norm_order::pre;
    vision.has_class_embd = has_tensor(table, trunk + "cls_token");
    vision.has_pre_ln = has_tensor(table, trunk + "norm_pre.weight");
    vision.has_patch_bias = has_tensor(table, trunk + "patch_embed.proj.bias");
    vision.n_pool_head = entry.pe ? 8 : 0;
    read_block(table, trunk + "blocks.0.", vision, names);
    if (entry.rotary) {
        vision.rotary = rotary_pairs::neighbours;
        vision.rotary_grid = has_registered_grid(name, table, trunk, vision) ? entry.rotary_grid : 0;
        vision.rotary_offset = entry.rotary_offset;
        vision.rotary_x_first = entry.pe;
    }
    return entry.pe ? "map" : name.find("_clip_") != std::string::npos ? "token" : "avg";
}

}  // namespace ggclip
