// ConvNeXt (https://arxiv.org/abs/2201.03545): a stem of patches, and stages of blocks with a LayerNorm each.
#include "formats/families/conv/towers.h"

#include "engine/error.h"
#include "engine/names.h"

namespace ggclip {

static void add_patches(conv_tower_reader & tower, const std::string & name) {
    const conv_sum sum = tower.fold.convolution(name);
    tower.add_conv(sum, sum.kernel, activation::none);
}

static void add_block(conv_tower_reader & tower, const tensor_table & table, const std::string & name) {
    if (tower.has_any(name + "mlp.grn.") || tower.has_any(name + "shortcut.")) {
        throw_error(error_code::MODEL_UNSUPPORTED, table.tensors.begin()->second.path + ": tensors " + name +
                                                       "*: this version computes blocks of ConvNeXt, found those of "
                                                       "ConvNeXt V2 or others");
    }
    const conv_sum mixing = tower.fold.convolution(name + "conv_dw");
    conv_layer layer;
    layer.kind = conv_kind::mlp;
    layer.n_out = tower.n_channel();
    layer.kernel = mixing.kernel;
    layer.n_ff = tower.fold.shape_of(name + "mlp.fc1.weight").n_out;
    layer.has_norm = true;
    layer.act = activation::gelu_erf;
    const std::string prefix = tower.add(layer);
    tower.fold.add_depthwise(prefix + names::depthwise, mixing, layer.n_out);
    tower.fold.add_layer_norm(prefix + names::map_norm, name + "norm", layer.n_out);
    tower.fold.add_linear(prefix + names::ffn_up, name + "mlp.fc1", layer.n_out, layer.n_ff);
    tower.fold.add_scaled_linear(prefix + names::ffn_down, name + "mlp.fc2", name + "gamma", layer.n_ff, layer.n_out);
}

void read_convnext(const tensor_table & table, const std::string & trunk, int32_t image_size, float eps,
                   vision_hparams & vision, source_names & names) {
    conv_tower_reader tower(table, vision, names);
    add_patches(tower, trunk + "stem.0");
    tower.add_norm(trunk + "stem.1", activation::none);
    for (int i = 0; tower.has_any(trunk + "stages." + std::to_string(i) + "."); i++) {
        const std::string stage = trunk + "stages." + std::to_string(i) + ".";
        if (tower.has_any(stage + "downsample.")) {
            tower.add_norm(stage + "downsample.0", activation::none);
            add_patches(tower, stage + "downsample.1");
        }
        for (int j = 0; tower.has_any(stage + "blocks." + std::to_string(j) + "."); j++)
            add_block(tower, table, stage + "blocks." + std::to_string(j) + ".");
    }
    tower.finish(image_size, 0);
    vision.eps = eps;
    vision.pool = pooling::mean;
    vision.has_post_ln = true;
    vision.norm_after_pool = !tower.has_any(trunk + "norm_pre.");
    tower.fold.add_layer_norm(names::post_ln, trunk + (vision.norm_after_pool ? "head.norm" : "norm_pre"),
                              vision.n_embd);
}

}  // namespace ggclip
