#include "formats/families/conv/towers.h"

#include "engine/error.h"
#include "engine/names.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

bool conv_tower_reader::has_any(const std::string & prefix) const { return fold.has_any(prefix); }

std::string conv_tower_reader::add(const conv_layer & layer) {
    if (vision_.layers.size() == limits::max_conv_layers) {
        throw_error(error_code::FILE_LIMIT, table_.tensors.begin()->second.path + ": expected at most " +
                                                std::to_string(limits::max_conv_layers) + " convolutional layers");
    }
    vision_.layers.push_back(layer);
    n_channel_ = layer.n_out;
    return names::of_layer(vision_.layers.size() - 1);
}

std::string conv_tower_reader::add_conv(const conv_sum & sum, int32_t stride, activation act, int32_t n_ff) {
    const int32_t n_in = n_channel_;
    const bool depthwise = sum.n_in == 1 && n_in > 1, first = vision_.layers.empty();
    conv_layer layer;
    layer.kind = depthwise ? conv_kind::depthwise : conv_kind::conv;
    layer.n_out = sum.n_out;
    layer.kernel = sum.kernel;
    layer.stride = stride;
    layer.n_ff = n_ff;
    layer.act = act;
    const std::string prefix = add(layer);
    if (depthwise) fold.add_depthwise(prefix + names::depthwise, sum, n_in);
    else fold.add_conv(prefix + names::conv, sum, first);
    return prefix;
}

std::string conv_tower_reader::add_norm(const std::string & prefix, activation act) {
    conv_layer layer;
    layer.kind = conv_kind::norm;
    layer.n_out = n_channel_;
    layer.act = act;
    const std::string own = add(layer);
    fold.add_layer_norm(own + names::map_norm, prefix, layer.n_out);
    return own;
}

void conv_tower_reader::finish_stem() {
    vision_.n_embd = n_channel_;
    vision_.patch_size = 1;
    for (const conv_layer & layer : vision_.layers)
        vision_.patch_size =
            (int32_t) std::min<int64_t>((int64_t) vision_.patch_size * layer.stride, limits::max_patch);
}

void conv_tower_reader::finish(int32_t image_size, int32_t d_head) {
    finish_stem();
    vision_.image_size = image_size;
    vision_.patch_size = std::min(vision_.patch_size, image_size);
    vision_.n_ff = 1;
    for (const conv_layer & layer : vision_.layers) vision_.n_ff = std::max(vision_.n_ff, layer.n_ff);
    vision_.d_head = d_head > 0 ? d_head : vision_.n_embd;
    vision_.n_head = std::max(1, vision_.n_embd / vision_.d_head);
    vision_.has_class_embd = vision_.has_patch_bias = vision_.has_pre_ln = vision_.has_post_ln = vision_.has_positions =
        false;
}

}  // namespace ggclip
