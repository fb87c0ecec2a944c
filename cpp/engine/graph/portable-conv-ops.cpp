// Feature maps in plain ggml operations, which want them as [width, height, n_channel, n_image].
#include "engine/graph/conv-ops.h"
#include "engine/graph/layer-ops.h"

namespace ggclip {

namespace {

class portable_conv_ops final : public conv_ops {
  public:
    explicit portable_conv_ops(ggml_context * ctx) : ctx_(ctx) {}

    feature_map patches(const feature_map & in, const window & window) override {
        feature_map out = shape_of(in, window);
        const int64_t n_position = (int64_t) window.kernel_x * window.kernel_y;
        // only this tensor's shape is read
        ggml_tensor * kernel =
            ggml_new_tensor_4d(ctx_, GGML_TYPE_F32, window.kernel_x, window.kernel_y, in.n_channel(), 1);
        ggml_tensor * cur = ggml_im2col(ctx_, kernel, planes(in), window.stride, window.stride, window.pad_x,
                                        window.pad_y, 1, 1, true, GGML_TYPE_F32);
        cur = ggml_reshape_3d(ctx_, cur, n_position, in.n_channel(), out.n_pixel());
        out.x = ggml_cont_2d(ctx_, ggml_permute(ctx_, cur, 1, 0, 2, 3), n_position * in.n_channel(), out.n_pixel());
        return out;
    }

    feature_map depthwise(const feature_map & in, const depthwise_weights & w, const window & window,
                          activation act) override {
        feature_map out = shape_of(in, window);
        const int64_t n_out = w.w->ne[0], n_plane = n_out / in.n_channel();
        ggml_tensor * x = planes(in);
        if (n_plane > 1) x = ggml_repeat_4d(ctx_, x, in.width, in.height, n_out, in.n_image);
        ggml_tensor * kernels = ggml_reshape_4d(ctx_, w.w, n_out, window.kernel_x, window.kernel_y, 1);
        kernels = ggml_cont(ctx_, ggml_permute(ctx_, kernels, 3, 0, 1, 2));  // [kernel_x, kernel_y, 1, n_out]
        ggml_tensor * cur =
            ggml_conv_2d_dw_direct(ctx_, kernels, x, window.stride, window.stride, window.pad_x, window.pad_y, 1, 1);
        out.x = ggml_add(ctx_, rows(cur, out), w.b);
        if (n_plane > 1) {  // planes of a channel become neighbours
            cur = ggml_reshape_3d(ctx_, out.x, in.n_channel(), n_plane, out.n_pixel());
            out.x = ggml_cont_2d(ctx_, ggml_permute(ctx_, cur, 1, 0, 2, 3), n_out, out.n_pixel());
        }
        return gate(out, nullptr, act);
    }

    feature_map pool(const feature_map & in, const window & window) override {
        feature_map out = shape_of(in, window);
        const auto mean_of = [&](ggml_tensor * x) {
            return ggml_pool_2d(ctx_, x, GGML_OP_POOL_AVG, window.kernel_x, window.kernel_y, window.stride,
                                window.stride, (float) window.pad_x, (float) window.pad_y);
        };
        ggml_tensor * x = planes(in);
        ggml_tensor * cur = mean_of(x);
        // ggml divides by the whole window: at the edges the mean of ones says how much of it is inside
        if (window.pad_x > 0 || window.pad_y > 0)
            cur = ggml_div(ctx_, cur, mean_of(ggml_scale_bias(ctx_, x, 0.0f, 1.0f)));
        out.x = rows(cur, out);
        return out;
    }

    ggml_tensor * mean(const feature_map & in) override {
        ggml_tensor * x = ggml_reshape_3d(ctx_, in.x, in.n_channel(), (int64_t) in.width * in.height, in.n_image);
        x = ggml_cont(ctx_, ggml_permute(ctx_, x, 1, 0, 2, 3));  // [n_pixel, n_channel, n_image]
        return ggml_reshape_2d(ctx_, ggml_mean(ctx_, x), in.n_channel(), in.n_image);
    }

    feature_map gate(const feature_map & in, ggml_tensor * gates, activation act) override {
        feature_map out = in;
        if (gates) {
            ggml_tensor * x = ggml_reshape_3d(ctx_, in.x, in.n_channel(), (int64_t) in.width * in.height, in.n_image);
            gates = ggml_reshape_3d(ctx_, ggml_sigmoid(ctx_, gates), in.n_channel(), 1, in.n_image);
            out.x = ggml_reshape_2d(ctx_, ggml_mul(ctx_, x, gates), in.n_channel(), in.n_pixel());
        }
        out.x = apply_activation(ctx_, out.x, act);
        return out;
    }

  private:
    static feature_map shape_of(const feature_map & in, const window & window) {
        return {nullptr, window.out_width(in.width), window.out_height(in.height), in.n_image};
    }

    ggml_tensor * planes(const feature_map & in) {
        ggml_tensor * x = ggml_reshape_4d(ctx_, in.x, in.n_channel(), in.width, in.height, in.n_image);
        return ggml_cont(ctx_, ggml_permute(ctx_, x, 2, 0, 1, 3));
    }

    // planes() reversed
    ggml_tensor * rows(ggml_tensor * x, const feature_map & shape) {
        const int64_t n_channel = x->ne[2];
        return ggml_cont_2d(ctx_, ggml_permute(ctx_, x, 1, 2, 0, 3), n_channel, shape.n_pixel());
    }

    ggml_context * ctx_;
};

}  // namespace

std::unique_ptr<conv_ops> make_portable_conv_ops(ggml_context * ctx) {
    return std::make_unique<portable_conv_ops>(ctx);
}

}  // namespace ggclip
