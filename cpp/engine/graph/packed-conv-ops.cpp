// Feature maps over ggclip's own CPU kernels: every operation is one ggml custom node, as in packed-ops.cpp.
#include "engine/graph/packed-nodes.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

namespace {

using kernels::kernel_table;

// Parameters of a node.
struct node : kernel_node {
    feature_map in;  // its shape
    ggclip::window window;
};

float * floats(ggml_tensor * t) { return static_cast<float *>(t->data); }

// The part [begin, end) of the kernel's `size` positions that lie inside a row or column of `length` pixels, if the
// first is at `at`.
struct inside {
    inside(int at, int size, int length) : begin(std::min(std::max(-at, 0), size)), end(std::min(size, length - at)) {
        end = std::max(end, begin);
    }
    int begin, end;
};

// One row of a convolution's input.
void gather_patch(const node & p, const float * image, int ox, int oy, float * dst) {
    const window & w = p.window;
    const int n = p.in.n_channel(), x0 = ox * w.stride - w.pad_x, y0 = oy * w.stride - w.pad_y;
    const inside columns(x0, w.kernel_x, p.in.width), rows(y0, w.kernel_y, p.in.height);
    const size_t n_row = (size_t) w.kernel_x * n, n_before = (size_t) columns.begin * n,
                 n_here = (size_t) (columns.end - columns.begin) * n;
    for (int ky = 0; ky < w.kernel_y; ky++, dst += n_row) {
        if (ky < rows.begin || ky >= rows.end || n_here == 0) {
            std::fill(dst, dst + n_row, 0.0f);
            continue;
        }
        std::fill(dst, dst + n_before, 0.0f);
        memcpy(dst + n_before, image + ((size_t) (y0 + ky) * p.in.width + x0 + columns.begin) * n,
               n_here * sizeof(float));
        std::fill(dst + n_before + n_here, dst + n_row, 0.0f);
    }
}

// The mean of the positions that are inside the image.
void mean_of_window(const node & p, const float * image, int ox, int oy, float * dst) {
    const window & w = p.window;
    const int n = p.in.n_channel(), x0 = ox * w.stride - w.pad_x, y0 = oy * w.stride - w.pad_y;
    const inside columns(x0, w.kernel_x, p.in.width), rows(y0, w.kernel_y, p.in.height);
    std::fill(dst, dst + n, 0.0f);
    for (int y = rows.begin; y < rows.end; y++) {
        for (int x = columns.begin; x < columns.end; x++) {
            const float * from = image + ((size_t) (y0 + y) * p.in.width + x0 + x) * n;
            for (int i = 0; i < n; i++) dst[i] += from[i];
        }
    }
    const float share = 1.0f / (float) ((rows.end - rows.begin) * (columns.end - columns.begin));
    for (int i = 0; i < n; i++) dst[i] *= share;
}

// Calls work(p, image, ox, oy, row of dst) for this chunk's pixels of dst.
template <void work(const node &, const float *, int, int, float *)>
void run_windows(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    const int width = p.window.out_width(p.in.width), height = p.window.out_height(p.in.height);
    const size_t n_image = (size_t) p.in.width * p.in.height * p.in.n_channel();
    for (int64_t r = dst->ne[1] * ith / nth; r < dst->ne[1] * (ith + 1) / nth; r++) {
        const float * image = floats(dst->src[0]) + (size_t) (r / width / height) * n_image;
        work(p, image, (int) (r % width), (int) (r / width % height), floats(dst) + r * dst->ne[0]);
    }
}

kernels::depthwise_args depthwise_args_of(const node & p, const depthwise_weights & w) {
    kernels::depthwise_args args = {};
    args.n_image = p.in.n_image;
    args.width = p.in.width;
    args.height = p.in.height;
    args.n_channel = p.in.n_channel();
    args.n_plane = (int) w.w->ne[0] / args.n_channel;
    args.kernel_x = p.window.kernel_x;
    args.kernel_y = p.window.kernel_y;
    args.stride = p.window.stride;
    args.pad_x = p.window.pad_x;
    args.pad_y = p.window.pad_y;
    args.out_width = p.window.out_width(p.in.width);
    args.out_height = p.window.out_height(p.in.height);
    args.op = p.op;
    return args;
}

void run_depthwise(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    const depthwise_weights w = {dst->src[1], dst->src[2]};
    kernels::depthwise_args args = depthwise_args_of(p, w);
    args.x = floats(dst->src[0]);
    args.w = floats(w.w);
    args.bias = floats(w.b);
    args.dst = floats(dst);
    args.scratch = p.scratch;
    p.table->depthwise(args, ith, nth);
}

void run_mean(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    const int64_t n = dst->ne[0], n_pixel = (int64_t) p.in.width * p.in.height;
    for (int64_t s = dst->ne[1] * ith / nth; s < dst->ne[1] * (ith + 1) / nth; s++) {
        const float * x = floats(dst->src[0]) + s * n_pixel * n;
        float * mean = floats(dst) + s * n;
        std::fill(mean, mean + n, 0.0f);
        for (int64_t t = 0; t < n_pixel; t++, x += n)
            for (int64_t i = 0; i < n; i++) mean[i] += x[i];
        for (int64_t i = 0; i < n; i++) mean[i] *= 1.0f / (float) n_pixel;
    }
}

void run_gate(ggml_tensor * dst, int ith, int nth, void * userdata) {
    const node & p = *static_cast<const node *>(userdata);
    kernels::gate_args args = {};
    args.x = floats(dst->src[0]);
    args.n_rows = (int) dst->ne[1];
    args.n = (int) dst->ne[0];
    args.gate = dst->src[1] ? floats(dst->src[1]) : nullptr;
    args.n_rows_of_gate = p.in.width * p.in.height;
    args.op = p.op;
    args.dst = floats(dst);
    p.table->gate(args, ith, nth);
}

class packed_conv_ops final : public conv_ops {
  public:
    packed_conv_ops(ggml_context * ctx, const kernel_table & table, int n_threads)
        : table_(table), n_threads_(n_threads), nodes_(ctx, table) {}

    feature_map patches(const feature_map & in, const window & window) override {
        return windows("patches", in, window, in.n_channel() * window.kernel_x * window.kernel_y,
                       run_windows<gather_patch>);
    }

    feature_map depthwise(const feature_map & in, const depthwise_weights & w, const window & window,
                          activation act) override {
        node & p = add_node("depthwise", in, window, w.w->name);
        p.op = kernel_op(act);
        const kernels::depthwise_args args = depthwise_args_of(p, w);
        p.scratch = nodes_.scratch(table_.depthwise_scratch_size(args, chunks_for(n_threads_)));
        feature_map out = {nullptr, args.out_width, args.out_height, in.n_image};
        p.work.n_ops = 2.0 * (double) w.w->ne[0] * (double) w.w->ne[1] * out.n_pixel();
        out.x = custom(w.w->ne[0], out.n_pixel(), {in.x, w.w, w.b}, run_depthwise, p);
        return out;
    }

    feature_map pool(const feature_map & in, const window & window) override {
        return windows("pool", in, window, in.n_channel(), run_windows<mean_of_window>);
    }

    ggml_tensor * mean(const feature_map & in) override {
        return custom(in.n_channel(), in.n_image, {in.x}, run_mean, add_node("mean", in, {}));
    }

    feature_map gate(const feature_map & in, ggml_tensor * gates, activation act) override {
        if (!gates && act == activation::none) return in;
        node & p = add_node("gate", in, {});
        p.op = kernel_op(act);
        std::vector<ggml_tensor *> args = {in.x};
        if (gates) args.push_back(gates);
        return {custom(in.n_channel(), in.n_pixel(), args, run_gate, p), in.width, in.height, in.n_image};
    }

  private:
    node & add_node(const char * kind, const feature_map & in, const window & window, const char * layer = "") {
        node & p = nodes_.add(kind, layer);
        p.in = in;
        p.window = window;
        return p;
    }

    feature_map windows(const char * kind, const feature_map & in, const window & window, int64_t n_out,
                        ggml_custom_op_t run) {
        feature_map out = {nullptr, window.out_width(in.width), window.out_height(in.height), in.n_image};
        out.x = custom(n_out, out.n_pixel(), {in.x}, run, add_node(kind, in, window));
        return out;
    }

    ggml_tensor * custom(int64_t ne0, int64_t ne1, std::vector<ggml_tensor *> args, ggml_custom_op_t run, node & p) {
        return nodes_.custom(GGML_TYPE_F32, ne0, ne1, std::move(args), run, p);
    }

    const kernel_table & table_;
    int n_threads_;
    node_list<node> nodes_;
};

}  // namespace

std::unique_ptr<conv_ops> make_packed_conv_ops(ggml_context * ctx, const kernel_table & table, int n_threads) {
    return std::make_unique<packed_conv_ops>(ctx, table, n_threads);
}

}  // namespace ggclip
