// The pairs of names follow from reading apple/ml-mobileclip (mobileclip/modules, mobileclip/text_encoder.py) and
// facebookresearch/perception_models (core/vision_encoder/pe.py) beside timm's FastViT, ViT and EVA, and open_clip's
// TextTransformer.
#include "formats/layout/names/tensors.h"

#include "engine/error.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <set>

namespace ggclip {

namespace {

struct renaming {
    const char *from, *to;  // parts of a name, between dots
};

// The image tower of S0, S1 and S2: FastViT
const renaming fastvit_parts[] = {
    {".patch_embed.", ".stem."},
    {".rbr_conv.", ".conv_kxk."},
    {".rbr_scale.", ".conv_scale."},
    {".rbr_skip.", ".identity."},
    {".conv_exp.", ".final_conv."},
    {".lkb_origin.", ".large_conv."},
    {".convffn.", ".mlp."},
    {".se.reduce.", ".se.fc1."},
    {".se.expand.", ".se.fc2."},
    {".layer_scale.", ".layer_scale.gamma."},
    {".layer_scale_1.", ".layer_scale_1.gamma."},
    {".layer_scale_2.", ".layer_scale_2.gamma."},
};

// The image tower of B: a ViT
const renaming vit_parts[] = {
    {".patch_emb.", ".patch_embed.backbone."},
    {".block.conv.", ".conv."},
    {".block.norm.", ".bn."},
    {".pos_embed.pos_embed.pos_embed.", ".pos_embed."},
    {".post_transformer_norm.", ".norm."},
    {".transformer.", ".blocks."},
    {".pre_norm_mha.0.", ".norm1."},
    {".pre_norm_mha.1.qkv_proj.", ".attn.qkv."},
    {".pre_norm_mha.1.out_proj.", ".attn.proj."},
    {".pre_norm_ffn.0.", ".norm2."},
    {".pre_norm_ffn.1.", ".mlp.fc1."},
    {".pre_norm_ffn.4.", ".mlp.fc2."},
    {".classifier.proj.", ".head.proj."},
};

const renaming text_parts[] = {
    {".projection_layer.", ".text_projection."},
    {".embedding_layer.", ".token_embedding."},
    {".positional_embedding.pos_embed.pos_embed.", ".positional_embedding."},
    {".final_layer_norm.", ".ln_final."},
    {".transformer.", ".transformer.resblocks."},
    {".pre_norm_mha.0.", ".ln_1."},
    {".pre_norm_mha.1.qkv_proj.weight.", ".attn.in_proj_weight."},
    {".pre_norm_mha.1.qkv_proj.bias.", ".attn.in_proj_bias."},
    {".pre_norm_mha.1.out_proj.", ".attn.out_proj."},
    {".pre_norm_ffn.0.", ".ln_2."},
    {".pre_norm_ffn.1.", ".mlp.c_fc."},
    {".pre_norm_ffn.4.", ".mlp.c_proj."},
};

// The image tower of the Perception Encoder
const renaming pe_parts[] = {
    {".conv1.", ".patch_embed.proj."},
    {".class_embedding.", ".cls_token."},
    {".positional_embedding.", ".pos_embed."},
    {".transformer.resblocks.", ".blocks."},
    {".ln_pre.", ".norm_pre."},
    {".ln_post.", ".norm."},
    {".ln_1.", ".norm1."},
    {".ln_2.", ".norm2."},
    {".ls_1.gamma.", ".gamma_1."},
    {".ls_2.gamma.", ".gamma_2."},
    {".mlp.c_fc.", ".mlp.fc1."},
    {".mlp.c_proj.", ".mlp.fc2."},
    {".attn_pool.probe.", ".attn_pool.latent."},
    {".attn_pool.layernorm.", ".attn_pool.norm."},
    {".attn_pool.attn.out_proj.", ".attn_pool.proj."},
    {".attn.in_proj_weight.", ".attn.qkv.weight."},
    {".attn.in_proj_bias.", ".attn.qkv.bias."},
    {".attn.out_proj.", ".attn.proj."},
};

const std::string visual = "visual.", pool_input = "visual.attn_pool.attn.in_proj_";
const std::string image_prefix = "image_encoder.model.", text_prefix = "text_encoder.";

// `name` stands between dots.
template <size_t N>
void rename(std::string & name, const renaming (&parts)[N]) {
    for (const renaming & part : parts) {
        const size_t at = name.find(part.from);
        if (at != std::string::npos) name.replace(at, std::string(part.from).size(), part.to);
    }
}

// The number that begins the text, and what follows its dot; -1 if there is none.
int number_of(const std::string & text, std::string & rest) {
    const size_t dot = text.find('.');
    const bool digits = dot != std::string::npos && dot > 0 && dot < 6 &&
                        std::all_of(text.begin(), text.begin() + (ptrdiff_t) dot, [](char c) { return isdigit(c); });
    if (!digits) return -1;
    rest = text.substr(dot + 1);
    return std::stoi(text.substr(0, dot));
}

// FastViT's `network` counts blocks' stages and what stands between them in one list. timm counts stages: one begins
// with each downsampling (`proj`).
class stage_names {
  public:
    explicit stage_names(const tensor_table & table) {
        std::string rest;
        for (const auto & [name, tensor] : table.tensors) {
            if (!begins_with(name, network)) continue;
            const int at = number_of(name.substr(network.size()), rest);
            if (at >= 0 && begins_with(rest, "proj.")) begins_.insert(at);
        }
    }

    // "network.7.0.norm." -> "stages.3.blocks.0.norm."
    std::string of(const std::string & name) const {
        std::string rest;
        const int at = number_of(name, rest);
        if (at < 0) return "network." + name;
        const auto stage = std::distance(begins_.begin(), begins_.upper_bound(at));
        const std::string prefix = "stages." + std::to_string(stage) + ".";
        if (begins_with(rest, "proj.")) return prefix + "downsample." + rest;
        if (begins_with(rest, "pe.")) return prefix + "pos_emb.pos_enc." + rest.substr(3);
        if (begins_with(rest, "reparam_conv.")) return prefix + "pos_emb." + rest;
        return prefix + "blocks." + rest;
    }

  private:
    const std::string network = image_prefix + "network.";
    std::set<int> begins_;
};

// S0's text tower has a RepMixer before its blocks and another after them, in the same list.
class mixer_names {
  public:
    explicit mixer_names(const tensor_table & table) {
        std::string rest;
        const std::string list = text_prefix + "transformer.";
        for (const auto & [name, tensor] : table.tensors) {
            if (!begins_with(name, list)) continue;
            const int at = number_of(name.substr(list.size()), rest);
            if (at >= 0 && begins_with(rest, "token_mixer.")) at_.insert(at);
        }
    }

    // "5.layer_scale." -> "mixers.1.layer_scale.gamma."; "1.norm." -> "transformer.0.norm."
    std::string of(const std::string & name) const {
        std::string rest;
        const int at = number_of(name, rest);
        if (at < 0 || at_.size() != 2) return "transformer." + name;
        const auto before = std::distance(at_.begin(), at_.lower_bound(at));
        if (at_.count(at) == 0) return "transformer." + std::to_string(at - before) + "." + rest;
        rest = "." + rest;
        rename(rest, fastvit_parts);
        return "mixers." + std::to_string(before) + rest;
    }

  private:
    std::set<int> at_;
};

}  // namespace

static bool is_perception_encoder(const tensor_table & table) { return has_tensor(table, "visual.attn_pool.probe"); }

bool has_publisher_names(const tensor_table & table) {
    return has_prefix(table, image_prefix) || has_prefix(table, text_prefix + "embedding_layer.") ||
           is_perception_encoder(table);
}

static void add_renamed(tensor_table & out, const std::string & name, const std::string & old, raw_tensor renamed) {
    if (name != old && renamed.file_name.empty()) renamed.file_name = old;
    if (!out.tensors.emplace(name, renamed).second) {
        throw_error(error_code::TENSOR_DUPLICATE,
                    renamed.path + ": tensor " + old + ": expected one tensor called " + name + ", found two");
    }
}

// The attention pooling's input matrix, of torch's MultiheadAttention: first the query's third, then keys and values.
static void add_pool_input(tensor_table & out, const std::string & old, const raw_tensor & tensor) {
    const std::string suffix = old.substr(pool_input.size());
    raw_tensor query = tensor, others = tensor;
    const int64_t n = tensor.ne.empty() ? 0 : tensor.ne.back() / 3;
    if (n == 0 || tensor.ne.back() % 3 != 0) {
        throw_error(error_code::TENSOR_SHAPE, tensor.path + ": tensor " + old +
                                                  ": expected rows for query, key and value, found " +
                                                  shape_text(tensor.ne));
    }
    query.ne.back() = n;
    query.n_bytes = tensor.n_bytes / 3;
    others.ne.back() = 2 * n;
    others.offset += query.n_bytes;
    others.n_bytes = tensor.n_bytes - query.n_bytes;
    add_renamed(out, "visual.trunk.attn_pool.q." + suffix, old, query);
    add_renamed(out, "visual.trunk.attn_pool.kv." + suffix, old, others);
}

static tensor_table with_perception_renamed(const tensor_table & table) {
    tensor_table out = table;
    out.tensors.clear();
    for (const auto & [old, tensor] : table.tensors) {
        if (begins_with(old, pool_input)) {
            add_pool_input(out, old, tensor);
            continue;
        }
        std::string name = old;
        raw_tensor renamed = tensor;
        if (old == "visual.proj") {
            name = "visual.trunk.head.proj";
        } else if (begins_with(old, visual)) {
            name = "." + old.substr(visual.size()) + ".";
            rename(name, pe_parts);
            name = "visual.trunk" + name.substr(0, name.size() - 1);
        }
        if (old == "visual.positional_embedding") renamed.ne.push_back(1);
        add_renamed(out, name, old, renamed);
    }
    return out;
}

tensor_table with_open_clip_names(const tensor_table & table) {
    if (is_perception_encoder(table)) return with_perception_renamed(table);
    const stage_names stages(table);
    const mixer_names mixers(table);
    const bool vit = has_prefix(table, image_prefix + "transformer.");
    tensor_table out = table;
    out.tensors.clear();
    for (const auto & [old, tensor] : table.tensors) {
        std::string name = old + ".";
        if (begins_with(name, image_prefix)) {
            name = "." + name.substr(image_prefix.size());
            if (vit) rename(name, vit_parts);
            else if (begins_with(name, ".network.")) name = "." + stages.of(name.substr(strlen(".network.")));
            if (!vit) rename(name, fastvit_parts);
            name = "visual.trunk" + name;
        } else if (begins_with(name, text_prefix)) {
            name = "." + name.substr(text_prefix.size());
            if (begins_with(name, ".transformer.")) name = "." + mixers.of(name.substr(strlen(".transformer.")));
            rename(name, text_parts);
            name = "text" + name;
        }
        name.pop_back();
        raw_tensor renamed = tensor;
        if (begins_with(old, text_prefix + "positional_embedding."))  // [1, 1, n_ctx, n_embd] in PyTorch's order
            while (renamed.ne.size() > 2 && renamed.ne.back() == 1) renamed.ne.pop_back();
        add_renamed(out, name, old, renamed);
    }
    return out;
}

}  // namespace ggclip
