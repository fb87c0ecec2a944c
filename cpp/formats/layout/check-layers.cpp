#include "formats/layout/limits.h"

#include "engine/error.h"

namespace ggclip {

// What a layer expects of its input, or "" if that fits.
static std::string expected_of(const vision_hparams & hp, const conv_layer & layer, int32_t n_in, int32_t size) {
    const bool keeps = layer.kind == conv_kind::norm || layer.kind == conv_kind::mlp ||
                       layer.kind == conv_kind::attention || layer.kind == conv_kind::pool;
    const bool widens =
        layer.kind == conv_kind::mlp || layer.kind == conv_kind::bottleneck || layer.kind == conv_kind::mb_conv;
    const bool moves =
        layer.kind == conv_kind::norm || layer.kind == conv_kind::mlp || layer.kind == conv_kind::attention;
    if (keeps && layer.n_out != n_in) return "as many channels as before it (" + std::to_string(n_in) + ")";
    if (layer.kind == conv_kind::depthwise && layer.n_out % n_in != 0)
        return "a multiple of " + std::to_string(n_in) + " channels";
    if (widens && layer.n_ff < 1) return "an inner width";
    if (moves && layer.stride != 1) return "a stride of 1";
    if (layer.kind == conv_kind::bottleneck && layer.kernel % 2 == 0) return "an odd kernel";
    if (layer.kind == conv_kind::mb_conv && (layer.stride > 2 || layer.kernel != 3))
        return "a kernel of 3 and a stride of 1 or 2";
    if (layer.kind == conv_kind::mlp && layer.kernel % 2 == 0) return "an odd kernel";
    if (layer.kind == conv_kind::attention && (hp.d_head < 1 || layer.n_out % hp.d_head != 0))
        return "heads of " + std::to_string(hp.d_head) + " channels";
    if (layer.out_size(size) < 1 || layer.kernel > size + 2 * layer.padding())
        return "a map of at least " + std::to_string(layer.kernel) + " pixels a side";
    return "";
}

void check_layers(const vision_hparams & hp, const std::string & path) {
    if (hp.layers.empty()) return;
    int32_t n_in = hp.n_channel, size = hp.image_size;
    for (size_t i = 0; i < hp.layers.size(); i++) {
        const conv_layer & layer = hp.layers[i];
        const std::string expected = expected_of(hp, layer, n_in, size);
        if (!expected.empty()) {
            throw_error(error_code::CONFIG_INVALID,
                        path + ": convolutional layer " + std::to_string(i) + ": expected " + expected + ", found " +
                            std::to_string(layer.n_out) + " channels, " + std::to_string(size) +
                            " pixels a side, kernel " + std::to_string(layer.kernel) + ", stride " +
                            std::to_string(layer.stride));
        }
        n_in = layer.n_out;
        size = layer.out_size(size);
    }
    const bool any_size = hp.n_layer == 0 && !hp.has_positions && hp.pool == pooling::mean;
    if ((hp.any_grid && !any_size) || hp.rotary != rotary_pairs::none)
        throw_error(error_code::CONFIG_INVALID,
                    path +
                        ": expected no convolutional layers in a tower with rotary positions, or for any grid with "
                        "blocks or positions");
    if (hp.layers[0].kind != conv_kind::conv)
        throw_error(error_code::CONFIG_INVALID, path + ": expected a convolution as the first convolutional layer");
    if (n_in != hp.n_embd) {
        throw_error(error_code::CONFIG_INVALID, path + ": expected the tower's width (" + std::to_string(hp.n_embd) +
                                                    ") as the last convolutional layer's channels, found " +
                                                    std::to_string(n_in));
    }
}

}  // namespace ggclip
