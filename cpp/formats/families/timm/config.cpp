#include "formats/families/timm/timm.h"

#include "engine/error.h"
#include "formats/families/conv/towers.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

namespace {

// timm/models/vision_transformer.py: heads by the name's size word
struct vit_size {
    const char * word;
    int32_t n_head;
};

const vit_size sizes[] = {{"xsmall", 4},    {"tiny", 3},    {"small", 6},    {"medium", 8}, {"betwixt", 10},
                          {"base", 12},     {"large", 16},  {"huge", 16},    {"giant", 16}, {"giantopt", 16},
                          {"gigantic", 16}, {"so150m", 14}, {"so150m2", 13}, {"so400m", 16}};

struct vit_name {
    int32_t n_head = 0;
    bool siglip = false, clip = false, gap = false, quick = false, tanh = false;
};

bool has_word(const std::string & name, const char * word) {
    const std::string padded = "_" + name + "_", wanted = std::string("_") + word + "_";
    return padded.find(wanted) != std::string::npos;
}

// "vit_base_patch16_siglip_224", "vit_base_patch16_plus_clip_240", ...
vit_name parse_name(const json_ref & ref) {
    const std::string whole = ref.value()->text, name = whole.substr(0, whole.find('.'));
    const char * const supported =
        "timm's plain, CLIP and SigLIP ViTs (vit_base_patch16_clip_224, ...), EVA, EVA02, PE-Core, fastvit_mci, "
        "vit_base_mci, ViTamin, ConvNeXt and resnet50_clip";
    vit_name out;
    if (!begins_with(name, "vit_")) ref.unsupported(supported);
    for (const vit_size & size : sizes)
        if (begins_with(name, std::string("vit_") + size.word + "_patch")) out.n_head = size.n_head;
    for (const char * other : {"relpos", "srelpos", "mci", "rpn", "reg4", "reg1", "reg8", "reg16", "dinov2", "dinov3",
                               "rope", "ape", "r26", "r50"})
        if (has_word(name, other)) ref.unsupported(supported);
    if (out.n_head == 0) ref.unsupported(supported);
    out.siglip = has_word(name, "siglip");
    out.clip = has_word(name, "clip");
    out.gap = has_word(name, "gap");
    out.quick = has_word(name, "quickgelu");
    if (has_word(name, "plus")) out.n_head = 14;  // vit_base_patch16_plus_clip_240
    // registered with the tanh form: SigLIP2's own sizes
    for (const char * head : {"vit_base_patch32_siglip", "vit_giantopt_patch16_siglip", "vit_so400m_patch16_siglip",
                              "vit_large_patch16_siglip_512", "vit_large_patch16_siglip_gap_512"})
        out.tanh = out.tanh || begins_with(name, head);
    return out;
}

void refuse_others(const tensor_table & table, const std::string & trunk) {
    for (const char * part :
         {"reg_token", "blocks.0.attn.q_norm.weight", "blocks.0.mlp.norm.weight", "blocks.0.mlp.fc1_g.weight",
          "blocks.0.attn.norm.weight", "patch_embed.backbone.conv.weight"}) {
        if (has_tensor(table, trunk + part)) {
            throw_error(error_code::MODEL_UNSUPPORTED,
                        table.tensors.begin()->second.path + ": tensor " + trunk + part +
                            ": this version computes plain ViT blocks, found an extension of them");
        }
    }
}

// A word for which null means "" (Python's None is false), unlike its absence.
std::string word_or_null(const json_ref & config, const char * key, const char * fallback) {
    const json_ref word = config.get(key);
    return word.value() != nullptr && !word.exists() ? "" : config.string(key, fallback);
}

// A projection that Apple's MobileCLIP has in place of timm's classifier. false: there is none
bool read_bare_projection(const tensor_table & table, vision_hparams & vision, source_names & names) {
    const std::string proj = "visual.trunk.head.proj";
    names.timm_proj_bare = has_tensor(table, proj);
    if (!names.timm_proj_bare) return false;
    names.timm_proj = proj;
    vision.has_proj = true;
    vision.has_proj_bias = false;
    return true;
}

// The head after the trunk: timm's own classifier, or open_clip's.
void read_projection(const json_ref & config, const tensor_table & table, vision_hparams & vision,
                     source_names & names) {
    const std::string kind = word_or_null(config, "timm_proj", "linear");
    if (kind != "linear" && kind != "none" && !kind.empty())
        config.get("timm_proj").unsupported("\"linear\", \"none\" and \"\"");
    vision.has_proj = kind != "none";
    names.timm_proj = kind == "linear" ? "visual.head.proj" : "visual.trunk.head";
    if (kind.empty() && read_bare_projection(table, vision, names)) return;
    vision.has_proj_bias = vision.has_proj && (kind == "linear" ? config.boolean("timm_proj_bias", false)
                                                                : has_tensor(table, names.timm_proj + ".bias"));
}

// `own`: the architecture's pooling.
void read_pooling(const json_ref & config, const std::string & own, vision_hparams & vision, source_names & names) {
    std::string kind = word_or_null(config, "timm_pool", "avg");
    if (kind.empty() && word_or_null(config, "timm_proj", "linear") == "linear")
        kind = own;  // TimmModel then leaves the architecture's own pooling; without a projection it pools nothing
    if (kind == "map") vision.pool = pooling::attention;
    else if (kind == "token" && vision.has_class_embd) vision.pool = pooling::cls;
    else if (kind == "avg") vision.pool = pooling::mean;
    else config.get("timm_pool").unsupported("\"map\", \"token\" and \"avg\"");
    names.timm_fc_norm = false;
}

// As the name has them, unless the configuration says otherwise: open_clip itself passes neither key on to timm.
int32_t read_heads(const json_ref & config, int32_t named, int32_t width) {
    const json_ref head = config.get("head_width");
    if (head.exists() && config.integer("width", 0, 0, limits::max_width) == width)
        return (int32_t) std::max<int64_t>(1, width / head.as_integer(1, limits::max_width));
    return (int32_t) config.object("timm_model_kwargs").integer("num_heads", named, 1, limits::max_heads);
}

// The end of a convolutional tower: timm's classifier, or open_clip's matrix or MLP over the pooled map. `own_pool`:
// the architecture's, "avg" or, for attention, "token".
void read_conv_head(const json_ref & config, const std::string & own_pool, const tensor_table & table,
                    vision_hparams & vision, source_names & names) {
    const std::string pool = word_or_null(config, "timm_pool", "avg"),
                      kind = word_or_null(config, "timm_proj", "linear");
    const bool projects = kind == "linear" || kind == "mlp";
    if (pool != own_pool && !(pool.empty() && projects))
        config.get("timm_pool").unsupported("\"" + own_pool + "\", or \"\" before a projection");
    if (!projects && kind != "none" && !kind.empty())
        config.get("timm_proj").unsupported("\"linear\", \"mlp\", \"none\" and \"\"");
    vision.has_proj = kind != "none";
    if (!vision.has_proj || (kind.empty() && read_bare_projection(table, vision, names))) return;
    const std::string own = "visual.trunk.head.", adapter = "visual.head.",
                      classifier = own + (own_pool == "token" ? "proj" : "fc");
    const bool own_mlp = kind.empty() && has_prefix(table, own + "pre_logits.fc.");
    names.timm_proj = kind == "linear" ? adapter + "proj" : kind == "mlp" ? adapter + "mlp.fc2" : classifier;
    names.timm_proj_hidden = kind == "mlp" ? adapter + "mlp.fc1" : own + "pre_logits.fc";
    vision.has_proj_bias = has_tensor(table, names.timm_proj + ".bias");
    if (kind != "mlp" && !own_mlp) return;
    vision.n_proj_hidden = extent_of(table, names.timm_proj_hidden + ".weight", 2, 1, limits::max_ff);
    vision.has_proj_hidden_bias = has_tensor(table, names.timm_proj_hidden + ".bias");
}

// false: another architecture
bool read_conv_tower(const json_ref & config, const tensor_table & table, int32_t image_size, vision_hparams & vision,
                     source_names & names) {
    const std::string whole = config.get("timm_model_name").value()->text, name = whole.substr(0, whole.find('.'));
    const std::string trunk = "visual.trunk.";
    std::string pool = "avg";
    if (begins_with(name, "fastvit_mci")) {
        read_fastvit(table, trunk, image_size, vision, names);
    } else if (begins_with(name, "convnext_") && name.find("_rms") == std::string::npos) {
        const float eps = begins_with(name, "convnext_xxlarge") ? 1e-5f : 1e-6f;  // as timm registers them
        read_convnext(table, trunk, image_size, eps, vision, names);
    } else if (begins_with(name, "resnet") && has_word(name, "clip")) {
        read_timm_resnet(table, trunk, image_size, vision, names);
        if (vision.pool != pooling::mean) pool = "token";
    } else {
        return false;
    }
    read_conv_head(config, pool, table, vision, names);
    return true;
}

// timm's VisionTransformer; returns its own pooling.
std::string read_vit(const vit_name & name, const tensor_table & table, const std::string & trunk,
                     vision_hparams & vision) {
    refuse_others(table, trunk);
    vision.n_head = name.n_head;
    vision.n_ff = extent_of(table, trunk + "blocks.0.mlp.fc1.weight", 2, 1, limits::max_ff);
    vision.act = name.quick ? activation::quick_gelu : name.tanh ? activation::gelu_tanh : activation::gelu_erf;
    vision.eps = name.clip ? 1e-5f : 1e-6f;  // norm_layer=nn.LayerNorm of the CLIP entries; timm's default
    vision.has_class_embd = !name.siglip && !name.gap;
    vision.has_pre_ln = name.clip;
    vision.has_patch_bias = !name.clip;
    vision.has_qkv_bias = has_tensor(table, trunk + "blocks.0.attn.qkv.bias");
    vision.has_layer_scale = has_tensor(table, trunk + "blocks.0.ls1.gamma");
    return name.siglip && !name.gap ? "map" : name.gap || !vision.has_class_embd ? "avg" : "token";
}

// Stem and blocks; returns the architecture's own pooling.
std::string read_blocks(const json_ref & name_ref, const tensor_table & table, const std::string & trunk,
                        vision_hparams & vision, source_names & names) {
    const std::string & word = name_ref.value()->text;
    if (is_timm_hybrid(word)) return read_timm_hybrid(word, table, trunk, vision, names);
    const bool eva = is_timm_eva(word);
    const vit_name name = eva ? vit_name() : parse_name(name_ref);
    vision.n_embd = extent_of(table, trunk + "patch_embed.proj.weight", 4, 3, limits::max_width);
    vision.patch_size = extent_of(table, trunk + "patch_embed.proj.weight", 4, 0, limits::max_patch);
    return eva ? read_timm_eva(word, table, trunk, vision, names) : read_vit(name, table, trunk, vision);
}

}  // namespace

void read_timm_vision(const json_ref & config, const tensor_table & table, int32_t image_size, vision_hparams & vision,
                      source_names & names) {
    const std::string trunk = "visual.trunk.";
    const json_ref name_ref = config.get("timm_model_name");
    if (name_ref.value()->kind != json_value::kind_t::string) name_ref.invalid("a string");
    names.vision = name_scheme::timm;
    vision.present = true;
    if (read_conv_tower(config, table, image_size, vision, names)) return;
    vision.n_layer = std::max(1, count_blocks(table, trunk + "blocks."));
    const std::string own_pooling = read_blocks(name_ref, table, trunk, vision, names);
    vision.n_head = read_heads(config, vision.n_head, vision.n_embd);
    read_pooling(config, own_pooling, vision, names);
    if (vision.pool == pooling::attention)
        vision.n_pool_ff = extent_of(table, trunk + "attn_pool.mlp.fc1.weight", 2, 1, limits::max_ff);
    read_projection(config, table, vision, names);
    if (vision.pool == pooling::mean && has_tensor(table, trunk + "fc_norm.weight"))
        vision.norm_after_pool = names.timm_fc_norm = true;
    // timm/models/vitamin.py builds the extra large ones without positions (pos_embed='none')
    if (begins_with(name_ref.value()->text, "vitamin_xlarge_") && !has_tensor(table, trunk + "pos_embed")) {
        vision.has_positions = false;
        vision.image_size = image_size;
        return;
    }
    // the position table says the grid, image_size the pixels that it may not fill; where they disagree, the table is
    // right: open_clip only passes image_size on to the preprocessor
    const int64_t n_token = extent_of(table, trunk + "pos_embed", 3, 1, limits::max_tokens) - vision.n_class_position();
    const auto side = (int32_t) std::lround(std::sqrt((double) n_token));
    if ((int64_t) side * side != n_token) {
        throw_error(error_code::MODEL_UNSUPPORTED, table.tensors.begin()->second.path + ": tensor " + trunk +
                                                       "pos_embed: this version " + "computes square grids, found " +
                                                       std::to_string(n_token) + " patches");
    }
    vision.image_size = vision.n_grid(image_size) == side ? image_size : side * vision.patch_size;
}

}  // namespace ggclip
