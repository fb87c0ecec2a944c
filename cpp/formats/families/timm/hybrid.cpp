// ViTs of timm whose patches come from convolutions: MobileCLIP's B (timm/models/vision_transformer_hybrid.py,
// vit_base_mci_224) and ViTamin (timm/models/vitamin.py).
#include "formats/families/timm/timm.h"

#include "engine/names.h"
#include "formats/families/conv/towers.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

namespace {

struct hybrid_entry {
    const char * begin;
    int32_t n_head;
};

const hybrid_entry entries[] = {{"vit_base_mci_", 12},  {"vitamin_small_", 6},   {"vitamin_base_", 12},
                                {"vitamin_large_", 16}, {"vitamin_large2_", 16}, {"vitamin_xlarge_", 16}};

const hybrid_entry * find_entry(const std::string & name) {
    const auto * found = std::find_if(std::begin(entries), std::end(entries),
                                      [&](const hybrid_entry & entry) { return begins_with(name, entry.begin); });
    return found == std::end(entries) ? nullptr : found;
}

// ConvStem: each convolution's stride is its kernel; batch norm and activation after all but the last.
void read_patches(conv_tower_reader & tower, const std::string & backbone) {
    for (int i = 0; tower.has_any(backbone + std::to_string(i) + "."); i++) {
        const std::string layer = backbone + std::to_string(i) + ".";
        const bool last = !tower.has_any(layer + "bn.");
        const conv_sum sum = tower.fold.convolution(layer + "conv", last ? "" : layer + "bn");
        tower.add_conv(sum, sum.kernel, last ? activation::none : activation::gelu_erf);
    }
}

// MbConvLNBlock
void add_mb_conv(conv_tower_reader & tower, const std::string & name, int32_t stride) {
    const conv_sum up = tower.fold.convolution(name + "conv1_1x1"), middle = tower.fold.convolution(name + "conv2_kxk"),
                   down = tower.fold.convolution(name + "conv3_1x1");
    const int32_t n_in = tower.n_channel();
    conv_layer layer;
    layer.kind = conv_kind::mb_conv;
    layer.n_out = down.n_out;
    layer.kernel = middle.kernel;
    layer.stride = stride;
    layer.n_ff = up.n_out;
    layer.act = activation::gelu_erf;
    const std::string prefix = tower.add(layer);
    tower.fold.add_layer_norm(prefix + names::map_norm, name + "pre_norm", n_in);
    tower.fold.add_conv(prefix + names::ffn_up, up);
    tower.fold.add_depthwise(prefix + names::depthwise, middle, layer.n_ff);
    tower.fold.add_conv(prefix + names::ffn_down, down);
    if (n_in == layer.n_out) return;
    const std::string shortcut = name + (stride > 1 ? "shortcut.expand" : "shortcut");
    tower.fold.add_conv(prefix + names::shortcut, tower.fold.convolution(shortcut));
}

// MbConvStages
void read_vitamin(conv_tower_reader & tower, const std::string & backbone) {
    tower.add_conv(tower.fold.convolution(backbone + "stem.conv1"), 2, activation::none);
    tower.add_norm(backbone + "stem.norm1", activation::gelu_erf);
    tower.add_conv(tower.fold.convolution(backbone + "stem.conv2"), 1, activation::none);
    for (int i = 0; tower.has_any(backbone + "stages." + std::to_string(i) + "."); i++) {
        const std::string stage = backbone + "stages." + std::to_string(i) + ".";
        for (int j = 0; tower.has_any(stage + std::to_string(j) + "."); j++)
            add_mb_conv(tower, stage + std::to_string(j) + ".", j == 0 ? 2 : 1);
    }
    tower.add_norm(backbone + "pool.norm", activation::none);
    tower.add_conv(tower.fold.convolution(backbone + "pool.proj"), 2, activation::none);
}

}  // namespace

bool is_timm_hybrid(const std::string & name) { return find_entry(name) != nullptr; }

std::string read_timm_hybrid(const std::string & name, const tensor_table & table, const std::string & trunk,
                             vision_hparams & vision, source_names & names) {
    const std::string backbone = trunk + "patch_embed.backbone.", block = trunk + "blocks.0.";
    const bool vitamin = begins_with(name, "vitamin_");
    conv_tower_reader tower(table, vision, names);
    if (vitamin) read_vitamin(tower, backbone);
    else read_patches(tower, backbone);
    tower.finish_stem();
    vision.n_head = find_entry(name)->n_head;
    vision.eps = 1e-6f;  // timm.layers.LayerNorm's and LayerNorm2d's default
    vision.act = activation::gelu_erf;
    vision.has_class_embd = has_tensor(table, trunk + "cls_token");
    vision.has_class_position = vision.has_pre_ln = vision.has_patch_bias = false;
    names.timm_geglu = vision.has_mlp_gate = vision.has_mlp_in_norm = has_tensor(table, block + "mlp.w0.weight");
    vision.n_ff =
        extent_of(table, block + (vision.has_mlp_gate ? "mlp.w0.weight" : "mlp.fc1.weight"), 2, 1, limits::max_ff);
    return vision.has_class_embd ? "token" : "avg";
}

}  // namespace ggclip
