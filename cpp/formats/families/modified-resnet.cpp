// OpenAI's ResNets: three convolutions as a stem, means before strided convolutions, attention as pooling.
#include "formats/families/conv-towers.h"

#include "engine/names.h"

namespace ggclip {

namespace {

void add_bottleneck(conv_tower_reader & tower, const std::string & name, int32_t stride) {
    const conv_sum first = tower.fold.convolution(name + "conv1", name + "bn1"),
                   middle = tower.fold.convolution(name + "conv2", name + "bn2"),
                   last = tower.fold.convolution(name + "conv3", name + "bn3");
    const bool shortcut = tower.has_any(name + "downsample.");
    conv_layer layer;
    layer.kind = conv_kind::bottleneck;
    layer.n_out = last.n_out;
    layer.kernel = middle.kernel;
    layer.stride = stride;
    layer.n_ff = first.n_out;
    layer.act = activation::relu;
    const std::string prefix = tower.add(layer);
    tower.fold.add_conv(prefix + names::ffn_up, first);
    tower.fold.add_conv(prefix + names::conv, middle);
    tower.fold.add_conv(prefix + names::ffn_down, last);
    if (shortcut)
        tower.fold.add_conv(prefix + names::shortcut,
                            tower.fold.convolution(name + "downsample.0", name + "downsample.1"));
}

}  // namespace

void read_modified_resnet(const tensor_table & table, int32_t image_size, int32_t d_head, vision_hparams & vision,
                          source_names & names) {
    conv_tower_reader tower(table, vision, names);
    for (int i = 1; i <= 3; i++) {
        const std::string number = std::to_string(i);
        tower.add_conv(tower.fold.convolution("visual.conv" + number, "visual.bn" + number), i == 1 ? 2 : 1,
                       activation::relu);
    }
    conv_layer pool;
    pool.kind = conv_kind::pool;
    pool.n_out = tower.n_channel();
    pool.stride = 2;
    tower.add(pool);
    for (int i = 1; tower.has_any("visual.layer" + std::to_string(i) + "."); i++) {
        const std::string stage = "visual.layer" + std::to_string(i) + ".";
        for (int j = 0; tower.has_any(stage + std::to_string(j) + "."); j++)
            add_bottleneck(tower, stage + std::to_string(j) + ".", i > 1 && j == 0 ? 2 : 1);
    }
    tower.finish(image_size, d_head);
    vision.pool = pooling::mean_query;
    vision.has_positions = true;
    const std::string head = "visual.attnpool.", own = names::head;
    tower.fold.add_vector(names::position_embd, "weight",
                          tower.fold.need(head + "positional_embedding", {vision.n_embd, vision.n_token()}));
    tower.fold.add_linear(own + names::attn_q, head + "q_proj", vision.n_embd, vision.n_embd);
    tower.fold.add_linear(own + names::attn_k, head + "k_proj", vision.n_embd, vision.n_embd);
    tower.fold.add_linear(own + names::attn_v, head + "v_proj", vision.n_embd, vision.n_embd);
    vision.has_proj = vision.has_proj_bias = true;
    names.vision = name_scheme::timm;
    names.timm_proj = "visual.attnpool.c_proj";
}

}  // namespace ggclip
