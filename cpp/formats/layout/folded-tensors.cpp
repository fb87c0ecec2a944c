#include "formats/layout/folded-tensors.h"

#include "engine/error.h"
#include "engine/names.h"
#include "formats/layout/bind-tensors.h"
#include "formats/layout/computed-rows.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

namespace {

// A batch norm as y = scale * x + shift.
struct affine {
    affine(const batch_norm & norm, size_t n) : scale(n, 1.0), shift(n, 0.0) {
        if (!norm.exists()) return;
        const std::vector<float> weight = values_of(norm.weight), bias = values_of(norm.bias),
                                 mean = values_of(norm.mean), variance = values_of(norm.variance);
        for (size_t i = 0; i < n; i++) {
            scale[i] = weight[i] / std::sqrt((double) variance[i] + norm.eps);
            shift[i] = bias[i] - mean[i] * scale[i];
        }
    }
    std::vector<double> scale, shift;
};

// Output channels of a sum, each as [n_in][kernel][kernel].
class conv_rows {
  public:
    explicit conv_rows(const conv_sum & sum) : sum_(sum) {}

    std::vector<double> read(int64_t first, int64_t n) const {
        const size_t row = (size_t) sum_.n_in * (size_t) sum_.n_position();
        std::vector<double> out((size_t) n * row, 0.0);
        for (const conv_branch & branch : sum_.branches) add_branch(branch, first, n, out);
        scale(first, n, row, out);
        if (sum_.plus_identity)
            for (int64_t o = 0; o < n; o++) out[(size_t) o * row + middle(first + o)] += 1;
        return out;
    }

    std::vector<float> biases() const {
        const auto n = (size_t) sum_.n_out;
        std::vector<double> out(n, 0.0);
        for (const conv_branch & branch : sum_.branches) {
            const affine norm(branch.norm, n);
            const std::vector<float> bias = branch.bias.bytes ? values_of(branch.bias) : std::vector<float>(n, 0.0f);
            for (size_t o = 0; o < n; o++) out[o] += branch.factor * (norm.scale[o] * bias[o] + norm.shift[o]);
        }
        scale(0, sum_.n_out, 1, out);
        return {out.begin(), out.end()};
    }

  private:
    // Where an output channel's own input is, in its row.
    size_t middle(int64_t o) const {
        const int64_t k = sum_.kernel, n_row = sum_.n_row();
        return (size_t) (o % sum_.n_in * n_row * k + n_row / 2 * k + k / 2);
    }

    void add_branch(const conv_branch & branch, int64_t first, int64_t n, std::vector<double> & out) const {
        const size_t row = (size_t) sum_.n_in * (size_t) sum_.n_position();
        const affine norm(branch.norm, (size_t) sum_.n_out);
        const auto factor = [&](int64_t o) { return branch.factor * norm.scale[(size_t) (first + o)]; };
        if (!branch.kernel.bytes) {
            for (int64_t o = 0; o < n; o++) out[(size_t) o * row + middle(first + o)] += factor(o);
            return;
        }
        const int64_t k = branch.kernel.ne[0], n_row = branch.kernel.ne[1], n_own = sum_.n_in * n_row * k;
        const int64_t edge = (sum_.kernel - k) / 2, above = (sum_.n_row() - n_row) / 2;
        const std::vector<float> values = values_of(branch.kernel, first * n_own, n * n_own);
        for (int64_t o = 0; o < n; o++) {
            for (int64_t i = 0; i < n_own; i++) {
                const int64_t channel = i / (n_row * k), y = i / k % n_row + above, x = i % k + edge;
                out[(size_t) o * row + (size_t) ((channel * sum_.n_row() + y) * sum_.kernel + x)] +=
                    factor(o) * values[(size_t) (o * n_own + i)];
            }
        }
    }

    void scale(int64_t first, int64_t n, size_t row, std::vector<double> & out) const {
        if (!sum_.factors.bytes) return;
        const std::vector<float> factors = values_of(sum_.factors, first, n);
        for (size_t i = 0; i < out.size(); i++) out[i] *= factors[i / row];
    }

    conv_sum sum_;
};

// [n_out][kernel][kernel][n_in]
class conv_source final : public row_source {
  public:
    explicit conv_source(const conv_sum & sum)
        : row_source((int64_t) sum.n_in * sum.n_position()), n_in_(sum.n_in), rows_(sum) {}

  private:
    std::vector<float> rows(int64_t first, int64_t n) const override {
        const std::vector<double> values = rows_.read(first, n);
        std::vector<float> out(values.size());
        const int64_t n_position = n_ / n_in_;
        for (int64_t i = 0; i < (int64_t) out.size(); i++) {
            const int64_t row = i / n_, channel = i % n_ / n_position, position = i % n_position;
            out[(size_t) (row * n_ + position * n_in_ + channel)] = (float) values[(size_t) i];
        }
        return out;
    }

    int64_t n_in_;
    conv_rows rows_;
};

// Output channels in the kernels' order: channel c * n_plane + p comes to p * n_channel + c.
template <class T>
std::vector<float> by_plane(const std::vector<T> & values, int64_t n_plane, int64_t n_row) {
    const int64_t n = (int64_t) values.size() / n_row, n_channel = n / n_plane;
    std::vector<float> out(values.size());
    for (int64_t o = 0; o < n; o++)
        for (int64_t i = 0; i < n_row; i++)
            out[(size_t) (i * n + o % n_plane * n_channel + o / n_plane)] = (float) values[(size_t) (o * n_row + i)];
    return out;
}

// [kernel][kernel][n_out]
class depthwise_source final : public row_source {
  public:
    depthwise_source(const conv_sum & sum, int64_t n_plane)
        : row_source(sum.n_out), n_plane_(n_plane), n_row_(sum.n_position()), rows_(sum) {}

  private:
    std::vector<float> rows(int64_t first, int64_t n) const override {
        const std::vector<float> all = by_plane(rows_.read(0, n_), n_plane_, n_row_);
        return {all.begin() + first * n_, all.begin() + (first + n) * n_};
    }

    int64_t n_plane_, n_row_;
    conv_rows rows_;
};

// The biases of a sum, as one row.
class bias_source final : public row_source {
  public:
    bias_source(const conv_sum & sum, int64_t n_plane) : row_source(sum.n_out), n_plane_(n_plane), rows_(sum) {}

  private:
    std::vector<float> rows(int64_t, int64_t) const override { return by_plane(rows_.biases(), n_plane_, 1); }

    int64_t n_plane_;
    conv_rows rows_;
};

// Some rows of a linear layer, whose input has a batch norm: W (scale x + shift) + b.
struct normed_linear {
    raw_tensor matrix, bias;
    batch_norm norm;
    int64_t n_in, first, n_out;  // rows
};

class normed_matrix final : public row_source {
  public:
    explicit normed_matrix(const normed_linear & layer) : row_source(layer.n_in), layer_(layer) {}

  private:
    std::vector<float> rows(int64_t first, int64_t n) const override {
        const affine norm(layer_.norm, (size_t) n_);
        std::vector<float> out = values_of(layer_.matrix, (layer_.first + first) * n_, n * n_);
        for (size_t i = 0; i < out.size(); i++) out[i] = (float) (out[i] * norm.scale[i % (size_t) n_]);
        return out;
    }

    normed_linear layer_;
};

class normed_bias final : public row_source {
  public:
    explicit normed_bias(const normed_linear & layer) : row_source(layer.n_out), layer_(layer) {}

  private:
    std::vector<float> rows(int64_t, int64_t) const override {
        const affine norm(layer_.norm, (size_t) layer_.n_in);
        std::vector<float> out =
            layer_.bias.bytes ? values_of(layer_.bias, layer_.first, n_) : std::vector<float>((size_t) n_, 0.0f);
        for (int64_t o = 0; o < n_; o++) {
            const std::vector<float> row = values_of(layer_.matrix, (layer_.first + o) * layer_.n_in, layer_.n_in);
            double sum = out[(size_t) o];
            for (size_t i = 0; i < row.size(); i++) sum += row[i] * norm.shift[i];
            out[(size_t) o] = (float) sum;
        }
        return out;
    }

    normed_linear layer_;
};

}  // namespace

bool tensor_folder::has_any(const std::string & prefix) const { return has_prefix(table_, prefix); }

raw_tensor tensor_folder::need(const std::string & name, const std::vector<int64_t> & ne) {
    const auto found = table_.tensors.find(name);
    if (found == table_.tensors.end()) {
        throw_error(error_code::TENSOR_MISSING,
                    (table_.tensors.empty() ? "" : table_.tensors.begin()->second.path + ": ") + "tensor " + name +
                        ": expected " + shape_text(ne) + ", found nothing");
    }
    raw_tensor raw = found->second;
    const auto trim = [](std::vector<int64_t> shape) {
        shape.erase(std::remove(shape.begin(), shape.end(), 1), shape.end());
        return shape;
    };
    if (trim(raw.ne) != trim(ne)) {
        throw_error(error_code::TENSOR_SHAPE, raw.path + ": tensor " + name + ": expected " + shape_text(ne) +
                                                  ", found " + shape_text(raw.ne) + " (fastest dimension first)");
    }
    if (!is_float_type(raw.type)) {
        throw_error(error_code::TENSOR_TYPE,
                    raw.path + ": tensor " + name + ": expected f32, f16 or bf16, found " + raw.dtype);
    }
    raw.ne = ne;
    read_.push_back(name);
    return raw;
}

raw_tensor tensor_folder::maybe(const std::string & name, const std::vector<int64_t> & ne) {
    return has(name) ? need(name, ne) : raw_tensor();
}

batch_norm tensor_folder::norm(const std::string & prefix, int64_t n) {
    batch_norm out;
    out.weight = need(prefix + ".weight", {n});
    out.bias = need(prefix + ".bias", {n});
    out.mean = need(prefix + ".running_mean", {n});
    out.variance = need(prefix + ".running_var", {n});
    if (has(prefix + ".num_batches_tracked")) read_.push_back(prefix + ".num_batches_tracked");
    return out;
}

conv_sum tensor_folder::shape_of(const std::string & name, bool one_row) const {
    const auto found = table_.tensors.find(name);
    if (found == table_.tensors.end()) {
        throw_error(error_code::TENSOR_MISSING,
                    (table_.tensors.empty() ? "" : table_.tensors.begin()->second.path + ": ") + "tensor " + name +
                        ": expected a convolution's kernels, found nothing");
    }
    std::vector<int64_t> ne = found->second.ne;
    if (ne.size() == 2) ne.insert(ne.begin(), {1, 1});  // a linear layer
    const bool fits = ne.size() == 4 && ne[1] == (one_row ? 1 : ne[0]) && ne[0] >= 1 && ne[0] <= limits::max_kernel &&
                      ne[2] >= 1 && ne[2] <= limits::max_width && ne[3] >= 1 && ne[3] <= limits::max_width;
    if (!fits) {
        throw_error(error_code::TENSOR_SHAPE, found->second.path + ": tensor " + name + ": expected " +
                                                  (one_row ? "kernels of one row" : "square kernels") + " of at most " +
                                                  std::to_string(limits::max_kernel) + " and at most " +
                                                  std::to_string(limits::max_width) + " channels, found " +
                                                  shape_text(found->second.ne) + " (fastest dimension first)");
    }
    conv_sum shape;
    shape.kernel = (int32_t) ne[0];
    shape.one_row = one_row;
    shape.n_in = (int32_t) ne[2];
    shape.n_out = (int32_t) ne[3];
    return shape;
}

conv_branch tensor_folder::branch(const std::string & prefix, const conv_sum & shape, const std::string & norm_name) {
    conv_branch out;
    const conv_sum own = shape_of(prefix + ".weight", shape.one_row);
    out.kernel = need(prefix + ".weight", {own.kernel, own.n_row(), shape.n_in, shape.n_out});
    if (own.kernel > shape.kernel || (shape.kernel - own.kernel) % 2 != 0) {
        throw_error(error_code::TENSOR_SHAPE, out.kernel.path + ": tensor " + prefix +
                                                  ".weight: expected a kernel that fits the middle of one of " +
                                                  std::to_string(shape.kernel) + ", found one of " +
                                                  std::to_string(own.kernel));
    }
    out.bias = maybe(prefix + ".bias", {shape.n_out});
    if (!norm_name.empty()) out.norm = norm(norm_name, shape.n_out);
    return out;
}

conv_sum tensor_folder::convolution(const std::string & prefix, const std::string & norm, bool one_row) {
    conv_sum sum = shape_of(prefix + ".weight", one_row);
    sum.branches = {branch(prefix, sum, norm)};
    return sum;
}

void tensor_folder::add(const std::string & name, raw_tensor raw) {
    names_.made[name] = {std::move(raw), std::move(read_)};
    read_.clear();
}

std::string tensor_folder::name_of(const std::string & part, const std::string & suffix) const {
    return names::of_tensor(tower_, -1, part, suffix);
}

void tensor_folder::add_conv(const std::string & part, const conv_sum & sum, bool on_pixels) {
    const std::string & path = table_.tensors.begin()->second.path;
    const int64_t n_position = sum.n_position();
    std::vector<int64_t> ne = {n_position * sum.n_in, sum.n_out};
    if (on_pixels) ne = {sum.n_in, sum.kernel, sum.kernel, sum.n_out};
    add(name_of(part, "weight"), computed(std::make_shared<conv_source>(sum), ne, path));
    add(name_of(part, "bias"), computed(std::make_shared<bias_source>(sum, 1), {sum.n_out}, path));
}

void tensor_folder::add_depthwise(const std::string & part, const conv_sum & sum, int32_t n_channel) {
    const std::string & path = table_.tensors.begin()->second.path;
    if (sum.n_in != 1 || sum.n_out % n_channel != 0) {
        throw_error(error_code::TENSOR_SHAPE, path + ": " + part + ": expected kernels of one input channel for " +
                                                  std::to_string(n_channel) + " channels or a multiple, found " +
                                                  std::to_string(sum.n_out) + " of " + std::to_string(sum.n_in));
    }
    const int64_t n_plane = sum.n_out / n_channel, n_position = sum.n_position();
    add(name_of(part, "weight"),
        computed(std::make_shared<depthwise_source>(sum, n_plane), {sum.n_out, n_position}, path));
    add(name_of(part, "bias"), computed(std::make_shared<bias_source>(sum, n_plane), {sum.n_out}, path));
}

void tensor_folder::add_linear(const std::string & part, const std::string & prefix, int64_t n_in, int64_t n_out) {
    add(name_of(part, "weight"), need(prefix + ".weight", {n_in, n_out}));
    add(name_of(part, "bias"), need(prefix + ".bias", {n_out}));
}

void tensor_folder::add_scaled_linear(const std::string & part, const std::string & prefix, const std::string & scale,
                                      int64_t n_in, int64_t n_out) {
    if (!has(scale)) return add_linear(part, prefix, n_in, n_out);
    conv_sum sum;
    sum.n_in = (int32_t) n_in;
    sum.n_out = (int32_t) n_out;
    sum.branches = {branch(prefix, sum, "")};
    sum.factors = need(scale, {n_out});
    add_conv(part, sum);
}

void tensor_folder::add_normed_linear(const std::string & part, const std::string & prefix, const batch_norm & norm,
                                      int64_t n_in, int64_t n_out, int slice, int n_slice) {
    const std::string & path = table_.tensors.begin()->second.path;
    const normed_linear layer = {need(prefix + ".weight", {n_in, n_out * n_slice}),
                                 maybe(prefix + ".bias", {n_out * n_slice}),
                                 norm,
                                 n_in,
                                 slice * n_out,
                                 n_out};
    add(name_of(part, "weight"), computed(std::make_shared<normed_matrix>(layer), {n_in, n_out}, path));
    add(name_of(part, "bias"), computed(std::make_shared<normed_bias>(layer), {n_out}, path));
}

void tensor_folder::add_vector(const std::string & part, const std::string & suffix, const raw_tensor & raw) {
    add(name_of(part, suffix), raw);
}

void tensor_folder::add_layer_norm(const std::string & part, const std::string & prefix, int64_t n) {
    add(name_of(part, "weight"), need(prefix + ".weight", {n}));
    add(name_of(part, "bias"), need(prefix + ".bias", {n}));
}

}  // namespace ggclip
