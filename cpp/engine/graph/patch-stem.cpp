// The stem of a ViT: patches -> tokens (openai/CLIP clip/model.py, VisionTransformer), and what stems share.
#include "engine/graph/stem.h"

#include <cstring>

namespace ggclip {

int64_t input_rows(const vision_hparams & hp, int width, int height) {
    return hp.layers.empty() ? hp.n_grid(width) * hp.n_grid(height) : width * height;
}

void add_stem_inputs(ggml_context * ctx, const vision_hparams & hp, int n_patch, tower_input & input) {
    const auto rows = [&](int64_t n, int64_t n_row) {
        ggml_tensor * t = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, n, n_row);
        ggml_set_input(t);
        return t;
    };
    if (!hp.layers.empty()) {  // of one size
        input.pixels = rows(hp.n_channel, input_rows(hp, input.width, input.height) * input.seqs.n_seq);
        return;
    }
    input.pixels = rows((int64_t) hp.patch_size * hp.patch_size * hp.n_channel, n_patch);
    if (hp.any_grid && hp.has_positions) input.grid_positions = rows(hp.n_embd, n_patch);
}

static void write_patches(const vision_hparams & hp, const image_tensor & image, float * dst) {
    const int patch = hp.patch_size, rows = image.height / patch, columns = image.width / patch;
    for (int py = 0; py < rows; py++) {
        for (int px = 0; px < columns; px++) {
            for (int c = 0; c < hp.n_channel; c++) {
                for (int y = 0; y < patch; y++, dst += patch) {
                    const float * row = image.pixels +
                                        ((size_t) c * image.height + (size_t) py * patch + y) * image.width +
                                        (size_t) px * patch;
                    memcpy(dst, row, (size_t) patch * sizeof(float));
                }
            }
        }
    }
}

void write_pixels(const vision_hparams & hp, const image_tensor & image, float * dst) {
    if (hp.layers.empty()) return write_patches(hp, image, dst);
    const size_t n_pixel = (size_t) image.width * image.height;
    for (size_t i = 0; i < n_pixel; i++)
        for (int c = 0; c < hp.n_channel; c++) *dst++ = image.pixels[c * n_pixel + i];
}

ggml_tensor * build_stem(graph_builder & g, const vision_hparams & hp, const vision_weights & w, tower_input & input) {
    layer_ops & ops = g.ops;
    ggml_tensor * const grid = input.grid_positions;
    stem_tokens tokens = {w.class_embd, w.register_embd, w.position_embd};
    ggml_tensor * x = nullptr;  // [n_embd, all images' patches]
    if (!hp.layers.empty()) {
        const feature_map map = build_layers(g, hp, w, input);
        x = map.x;
        tokens.of_images = hp.pool == pooling::mean_query;
        if (tokens.of_images) tokens.class_embd = ops.maps().mean(map);
    } else {
        layer_input patches = ops.unnormalised(input.pixels);
        x = ops.linear(patches, w.patch, activation::none, hp.has_patch_norm ? nullptr : grid);
    }
    if (hp.has_patch_norm) {
        layer_input in = ops.norm(x, w.patch_norm, hp.eps);
        x = grid ? ops.add_scaled(ops.values(in), nullptr, grid) : ops.values(in);
    }
    tokens.class_position = w.position_embd && hp.n_class_position() > 0;
    tokens.patch_positions = w.position_embd && !grid;
    if (tokens.n_prefix() > 0 || tokens.patch_positions)
        x = ops.embed_patches(x, tokens, input.seqs);  // [n_embd, n_token]
    g.name("embeddings", x);
    if (!hp.has_pre_ln) return x;
    layer_input in = ops.norm(x, w.pre_ln, hp.eps);
    x = ops.values(in);
    g.name("pre_ln", x);
    return x;
}

}  // namespace ggclip
