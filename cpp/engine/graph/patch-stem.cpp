// The stem of a ViT: patches -> tokens (openai/CLIP clip/model.py, VisionTransformer).
#include "engine/graph/stem.h"

#include <cstring>

namespace ggclip {

void add_stem_inputs(ggml_context * ctx, const vision_hparams & hp, int n_patch, tower_input & input) {
    const auto rows = [&](int64_t n) {
        ggml_tensor * t = ggml_new_tensor_2d(ctx, GGML_TYPE_F32, n, n_patch);
        ggml_set_input(t);
        return t;
    };
    input.pixels = rows((int64_t) hp.patch_size * hp.patch_size * hp.n_channel);
    if (hp.any_grid && hp.has_positions) input.grid_positions = rows(hp.n_embd);
}

void write_patches(const vision_hparams & hp, const image_tensor & image, float * dst) {
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

ggml_tensor * build_stem(graph_builder & g, const vision_hparams & hp, const vision_weights & w,
                         const tower_input & input) {
    layer_ops & ops = g.ops;
    layer_input patches = ops.unnormalised(input.pixels);
    ggml_tensor * const grid = input.grid_positions;
    ggml_tensor * x = ops.linear(patches, w.patch, activation::none, hp.has_patch_norm ? nullptr : grid);
    if (hp.has_patch_norm) {
        layer_input in = ops.norm(x, w.patch_norm, hp.eps);
        x = grid ? ops.add_scaled(ops.values(in), nullptr, grid) : ops.values(in);
    }
    stem_tokens tokens = {w.class_embd, w.register_embd, w.position_embd};  // x: [n_embd, all images' patches]
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
