// OpenAI's ResNets: three convolutions as a stem, means before strided convolutions, attention as pooling. Under the
// names of openai/CLIP or of timm (timm/models/byobnet.py, resnet50_clip and others), whose `_gap` ones pool by a mean.
#include "formats/families/conv/towers.h"

#include "engine/names.h"

namespace ggclip {

namespace {

struct normed_conv {
    const char *conv, *norm;
};

// Names after the tower's prefix.
struct resnet_names {
    normed_conv stem[3];
    const char * stage;  // before its number
    int first_stage;
    normed_conv block[3], shortcut;  // within a block
    const char *head, *positions, *query, *key, *value;
};

const resnet_names openai_names = {{{"conv1", "bn1"}, {"conv2", "bn2"}, {"conv3", "bn3"}},
                                   "layer",
                                   1,
                                   {{"conv1", "bn1"}, {"conv2", "bn2"}, {"conv3", "bn3"}},
                                   {"downsample.0", "downsample.1"},
                                   "attnpool.",
                                   "positional_embedding",
                                   "q_proj",
                                   "k_proj",
                                   "v_proj"};

const resnet_names timm_names = {
    {{"stem.conv1.conv", "stem.conv1.bn"}, {"stem.conv2.conv", "stem.conv2.bn"}, {"stem.conv3.conv", "stem.conv3.bn"}},
    "stages.",
    0,
    {{"conv1_1x1.conv", "conv1_1x1.bn"}, {"conv2_kxk.conv", "conv2_kxk.bn"}, {"conv3_1x1.conv", "conv3_1x1.bn"}},
    {"shortcut.conv.conv", "shortcut.conv.bn"},
    "head.",
    "pos_embed",
    "q",
    "k",
    "v"};

class resnet_reader {
  public:
    resnet_reader(const tensor_table & table, const std::string & tower, const resnet_names & own,
                  vision_hparams & vision, source_names & names)
        : tower_(table, vision, names), prefix_(tower), own_(own), vision_(vision) {}

    void read(int32_t image_size, int32_t d_head) {
        for (int i = 0; i < 3; i++)
            tower_.add_conv(convolution(prefix_, own_.stem[i]), i == 0 ? 2 : 1, activation::relu);
        conv_layer pool;
        pool.kind = conv_kind::pool;
        pool.n_out = tower_.n_channel();
        pool.stride = 2;
        tower_.add(pool);
        for (int i = 0; tower_.has_any(block(i, "")); i++)
            for (int j = 0; tower_.has_any(block(i, std::to_string(j) + ".")); j++)
                add_bottleneck(block(i, std::to_string(j) + "."), i > 0 && j == 0 ? 2 : 1);
        tower_.finish(image_size, d_head);
    }

    bool has_attention_pool() const { return tower_.has_any(prefix_ + own_.head + own_.query + "."); }

    void read_attention_pool() {
        vision_.pool = pooling::mean_query;
        vision_.has_positions = true;
        const std::string head = prefix_ + own_.head, out = names::head;
        tower_.fold.add_vector(names::position_embd, "weight",
                               tower_.fold.need(head + own_.positions, {vision_.n_embd, vision_.n_token()}));
        tower_.fold.add_linear(out + names::attn_q, head + own_.query, vision_.n_embd, vision_.n_embd);
        tower_.fold.add_linear(out + names::attn_k, head + own_.key, vision_.n_embd, vision_.n_embd);
        tower_.fold.add_linear(out + names::attn_v, head + own_.value, vision_.n_embd, vision_.n_embd);
    }

  private:
    conv_sum convolution(const std::string & prefix, const normed_conv & part) {
        return tower_.fold.convolution(prefix + part.conv, prefix + part.norm);
    }

    std::string block(int stage, const std::string & rest) const {
        return prefix_ + own_.stage + std::to_string(own_.first_stage + stage) + "." + rest;
    }

    void add_bottleneck(const std::string & name, int32_t stride) {
        const conv_sum first = convolution(name, own_.block[0]), middle = convolution(name, own_.block[1]),
                       last = convolution(name, own_.block[2]);
        const bool shortcut = tower_.has_any(name + own_.shortcut.conv + ".");
        conv_layer layer;
        layer.kind = conv_kind::bottleneck;
        layer.n_out = last.n_out;
        layer.kernel = middle.kernel;
        layer.stride = stride;
        layer.n_ff = first.n_out;
        layer.act = activation::relu;
        const std::string out = tower_.add(layer);
        tower_.fold.add_conv(out + names::ffn_up, first);
        tower_.fold.add_conv(out + names::conv, middle);
        tower_.fold.add_conv(out + names::ffn_down, last);
        if (shortcut) tower_.fold.add_conv(out + names::shortcut, convolution(name, own_.shortcut));
    }

    conv_tower_reader tower_;
    const std::string prefix_;
    const resnet_names & own_;
    vision_hparams & vision_;
};

}  // namespace

void read_modified_resnet(const tensor_table & table, int32_t image_size, int32_t d_head, vision_hparams & vision,
                          source_names & names) {
    resnet_reader resnet(table, "visual.", openai_names, vision, names);
    resnet.read(image_size, d_head);
    resnet.read_attention_pool();
    vision.has_proj = vision.has_proj_bias = true;
    names.vision = name_scheme::timm;
    names.timm_proj = "visual.attnpool.c_proj";
}

void read_timm_resnet(const tensor_table & table, const std::string & trunk, int32_t image_size,
                      vision_hparams & vision, source_names & names) {
    constexpr int32_t d_head = 64;  // AttentionPool2d's default
    resnet_reader resnet(table, trunk, timm_names, vision, names);
    resnet.read(image_size, d_head);
    if (resnet.has_attention_pool()) resnet.read_attention_pool();
    else vision.pool = pooling::mean;
}

}  // namespace ggclip
