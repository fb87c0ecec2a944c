// Convolutional stems and towers: a list of layers, from the pixels to the map that is pooled or becomes tokens. The
// sources fold batch norms and parallel branches into these layers' weights (formats/layout/folded-tensors.h).
#include "engine/graph/stem.h"

namespace ggclip {

namespace {

// The pixels of each image as one sequence.
sequences sequences_of(const feature_map & map) {
    sequences seqs;
    seqs.n_seq = map.n_image;
    seqs.max_length = map.width * map.height;
    seqs.n_token = map.n_pixel();
    for (int i = 0; i <= map.n_image; i++) seqs.offset.push_back(i * seqs.max_length);
    return seqs;
}

// One layer: its weights and its operations.
struct conv_builder {
    layer_ops & ops;
    const vision_hparams & hp;
    const conv_layer & layer;
    const conv_weights & w;
    tower_input & input;

    window square(int stride) const {
        const int pad = layer.padding();
        return {layer.kernel, layer.kernel, stride, pad, pad};
    }

    // A 1 x 1 convolution.
    feature_map pointwise(const feature_map & in, const linear_weights & weights, activation act) const {
        layer_input x = ops.unnormalised(in.x);
        return {ops.linear(x, weights, act, nullptr), in.width, in.height, in.n_image};
    }

    feature_map conv(const feature_map & in, int stride, activation act) const {
        const window window = square(stride);
        const bool only_pixel = window.kernel_x == 1 && window.stride == 1;
        return pointwise(only_pixel ? in : ops.maps().patches(in, window), w.conv, act);
    }

    // down(act(up(in))) + residual
    ggml_tensor * mlp(layer_input & in, ggml_tensor * residual, activation act) const {
        layer_input hidden = ops.hidden(in, w.up, act, nullptr, w.down);
        return ops.linear(hidden, w.down, activation::none, residual);
    }

    // Squeeze and excitation (Hu et al. 2018, https://arxiv.org/abs/1709.01507), then the activation.
    feature_map depthwise(const feature_map & in) const {
        if (layer.n_ff == 0) return ops.maps().depthwise(in, w.depthwise, square(layer.stride), layer.act);
        feature_map x = ops.maps().depthwise(in, w.depthwise, square(layer.stride), activation::none);
        layer_input mean = ops.unnormalised(ops.maps().mean(x));
        return ops.maps().gate(x, mlp(mean, nullptr, activation::relu), layer.act);
    }

    // LayerNorm if the layer has one.
    layer_input maybe_norm(ggml_tensor * x) const {
        return layer.has_norm ? ops.norm(x, w.ln, hp.eps) : ops.unnormalised(x);
    }

    // ConvNeXt's block (timm/models/convnext.py, ConvNeXtBlock) and FastViT's ConvMlp (timm/models/fastvit.py).
    feature_map conv_mlp(const feature_map & in) const {
        const feature_map mixed = ops.maps().depthwise(in, w.depthwise, square(1), activation::none);
        layer_input x = maybe_norm(mixed.x);
        return {mlp(x, in.x, layer.act), in.width, in.height, in.n_image};
    }

    feature_map attention(const feature_map & in) const {
        const sequences & seqs = input.map_seqs.emplace_back(sequences_of(in));
        layer_input x = maybe_norm(in.x);
        ggml_tensor * q = ops.linear(x, w.q, activation::none, nullptr);
        ggml_tensor * k = ops.linear(x, w.k, activation::none, nullptr);
        ggml_tensor * v = ops.linear(x, w.v, activation::none, nullptr);
        layer_input context = ops.unnormalised(ops.attention(q, k, v, layer.n_out / hp.d_head, seqs, {}));
        return {ops.linear(context, w.out, activation::none, in.x), in.width, in.height, in.n_image};
    }

    feature_map pool(const feature_map & in) const {
        return layer.stride == 1 ? in : ops.maps().pool(in, {layer.stride, layer.stride, layer.stride, 0, 0});
    }

    // openai/CLIP clip/model.py, Bottleneck
    feature_map bottleneck(const feature_map & in) const {
        feature_map x = pointwise(in, w.up, layer.act);
        x = pool(conv(x, 1, layer.act));
        feature_map residual = in;
        if (w.shortcut.n_out > 0) residual = pointwise(pool(in), w.shortcut, activation::none);
        layer_input inner = ops.unnormalised(x.x);
        x.x = ops.linear(inner, w.down, activation::none, residual.x);
        return ops.maps().gate(x, nullptr, layer.act);
    }

    // timm/models/vitamin.py, MbConvLNBlock
    feature_map mb_conv(const feature_map & in) const {
        feature_map residual = layer.stride == 1 ? in : ops.maps().pool(in, {3, 3, layer.stride, 1, 1});
        if (w.shortcut.n_out > 0) residual = pointwise(residual, w.shortcut, activation::none);
        layer_input normed = ops.norm(in.x, w.ln, hp.eps);
        feature_map x = {ops.linear(normed, w.up, layer.act, nullptr), in.width, in.height, in.n_image};
        x = ops.maps().depthwise(x, w.depthwise, square(layer.stride), layer.act);
        layer_input inner = ops.unnormalised(x.x);
        x.x = ops.linear(inner, w.down, activation::none, residual.x);
        return x;
    }

    feature_map norm(const feature_map & in) const {
        layer_input x = ops.norm(in.x, w.ln, hp.eps);
        return ops.maps().gate({ops.values(x), in.width, in.height, in.n_image}, nullptr, layer.act);
    }

    feature_map build(const feature_map & in) const {
        switch (layer.kind) {
            case conv_kind::conv: return conv(in, layer.stride, layer.act);
            case conv_kind::depthwise: return depthwise(in);
            case conv_kind::norm: return norm(in);
            case conv_kind::mlp: return conv_mlp(in);
            case conv_kind::attention: return attention(in);
            case conv_kind::pool: return pool(in);
            case conv_kind::bottleneck: return bottleneck(in);
            case conv_kind::mb_conv: return mb_conv(in);
        }
        return in;
    }
};

}  // namespace

feature_map build_layers(graph_builder & g, const vision_hparams & hp, const vision_weights & w, tower_input & input) {
    feature_map map = {input.pixels, input.width, input.height, input.seqs.n_seq};
    for (size_t i = 0; i < hp.layers.size(); i++) {
        const conv_builder builder = {g.ops, hp, hp.layers[i], w.layers[i], input};
        map = builder.build(map);
        g.name("layer" + std::to_string(i), map.x);
    }
    return map;
}

}  // namespace ggclip
