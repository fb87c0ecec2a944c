// The operations on feature maps, beside those on rows (layer-ops.h): everything that looks at a pixel's neighbours.
// A map has one row of channels for each pixel, so a 1 x 1 convolution is layer_ops::linear. As there, one
// implementation is of plain ggml operations, the other of nodes with ggclip's own CPU kernels.
#pragma once

#include "engine/weights/weights.h"

#include <ggml.h>

#include <memory>

namespace ggclip {

struct feature_map {
    ggml_tensor * x = nullptr;  // f32 [n_channel, width * height * n_image]: pixel by pixel, image after image
    int width = 0, height = 0, n_image = 0;

    int n_channel() const { return (int) x->ne[0]; }
    int n_pixel() const { return width * height * n_image; }
};

// A kernel over a map, with as many zeros (or for means: nothing) at each edge as the padding says.
struct window {
    int kernel_x = 1, kernel_y = 1, stride = 1, pad_x = 0, pad_y = 0;

    int out_width(int width) const { return (width + 2 * pad_x - kernel_x) / stride + 1; }
    int out_height(int height) const { return (height + 2 * pad_y - kernel_y) / stride + 1; }
};

class conv_ops {
  public:
    virtual ~conv_ops() = default;

    // The input of a convolution over all channels, as rows for layer_ops::linear: [n_position * n_channel, n_pixel],
    // one position of the kernel after another, each with all channels.
    virtual feature_map patches(const feature_map & in, const window & window) = 0;
    // A kernel for each output channel; these are a multiple of the input's, see depthwise_args.
    virtual feature_map depthwise(const feature_map & in, const depthwise_weights & w, const window & window,
                                  activation act) = 0;
    // Mean over a window; positions beyond the edge do not count.
    virtual feature_map pool(const feature_map & in, const window & window) = 0;
    // Mean of all pixels of an image: [n_channel, n_image].
    virtual ggml_tensor * mean(const feature_map & in) = 0;
    // act(x times the logistic function of its image's gates, [n_channel, n_image], or x where these are null).
    virtual feature_map gate(const feature_map & in, ggml_tensor * gates, activation act) = 0;
};

// Must live as long as its graph.
std::unique_ptr<conv_ops> make_portable_conv_ops(ggml_context * ctx);
std::unique_ptr<conv_ops> make_packed_conv_ops(ggml_context * ctx, const kernels::kernel_table & table, int n_threads);

}  // namespace ggclip
