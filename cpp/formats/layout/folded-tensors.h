// Tensors that a file does not hold but that follow from some it holds: convolutions with their batch norms, parallel
// branches and layer scales folded in. Computed in double when they are read, so that opening a model stays cheap.
#pragma once

#include "formats/containers/raw-tensor.h"
#include "formats/layout/names/tensors.h"

#include <string>
#include <vector>

namespace ggclip {

// Batch norm in inference: (x - mean) / sqrt(variance + eps) * weight + bias, per channel. Absent: without a weight.
struct batch_norm {
    raw_tensor weight, bias, mean, variance;
    double eps = 1e-5;  // torch.nn.BatchNorm2d

    bool exists() const { return weight.bytes != nullptr; }
};

// A branch: batch norm of (a convolution with a bias), of either, or of the input itself.
struct conv_branch {
    raw_tensor kernel;  // [kernel, kernel, n_in of a group, n_out], smaller ones in the middle; absent: the identity
    raw_tensor bias;    // or absent
    batch_norm norm;    // or absent
    double factor = 1;
};

// factors * sum of the branches, plus the input if `plus_identity`.
struct conv_sum {
    int32_t n_out = 0, n_in = 0;  // channels; n_in of one group
    int32_t kernel = 1;
    bool one_row = false;  // kernels of one row, otherwise square
    std::vector<conv_branch> branches;
    raw_tensor factors;  // layer scale, [n_out]; or absent
    bool plus_identity = false;

    int32_t n_row() const { return one_row ? 1 : kernel; }
    int32_t n_position() const { return n_row() * kernel; }
};

// Reads a source's tensors and adds folded ones to source_names::made.
class tensor_folder {
  public:
    // tower: 'v' or 't', whose tensors are made
    tensor_folder(const tensor_table & table, source_names & names, char tower = 'v')
        : table_(table), names_(names), tower_(tower) {}

    bool has(const std::string & name) const { return table_.tensors.count(name) != 0; }
    bool has_any(const std::string & prefix) const;
    // A tensor of floats with these dimensions, or others of 1 added or left out. Throws TENSOR_MISSING, TENSOR_SHAPE,
    // TENSOR_TYPE.
    raw_tensor need(const std::string & name, const std::vector<int64_t> & ne);
    raw_tensor maybe(const std::string & name, const std::vector<int64_t> & ne);  // without data if absent
    batch_norm norm(const std::string & prefix, int64_t n);                       // weight, bias, running_mean, ..._var
    // prefix.weight [kernel, kernel, n_in, n_out] with its bias, if any, and a batch norm if `norm` is not empty
    conv_branch branch(const std::string & prefix, const conv_sum & shape, const std::string & norm);
    // Shape of prefix.weight as a conv_sum without branches; one_row: of kernels with one row.
    conv_sum shape_of(const std::string & name, bool one_row = false) const;
    // The convolution of prefix.weight alone, as `branch` reads it.
    conv_sum convolution(const std::string & prefix, const std::string & norm = "", bool one_row = false);

    // `part`: canonical, "layer.3.conv". As conv_ops::patches wants it; the bias is 0 where no branch has one.
    void add_conv(const std::string & part, const conv_sum & sum, bool on_pixels = false);
    // As kernels::depthwise_args wants it, from n_channel channels.
    void add_depthwise(const std::string & part, const conv_sum & sum, int32_t n_channel);
    // A 1 x 1 convolution or linear layer as the file has it.
    void add_linear(const std::string & part, const std::string & prefix, int64_t n_in, int64_t n_out);
    // The same with a layer scale, if the file has one of this name.
    void add_scaled_linear(const std::string & part, const std::string & prefix, const std::string & scale,
                           int64_t n_in, int64_t n_out);
    // Slice `slice` of n_slice of a linear layer, after a batch norm of its input.
    void add_normed_linear(const std::string & part, const std::string & prefix, const batch_norm & norm, int64_t n_in,
                           int64_t n_out, int slice, int n_slice);
    void add_vector(const std::string & part, const std::string & suffix, const raw_tensor & raw);
    // weight and bias
    void add_layer_norm(const std::string & part, const std::string & prefix, int64_t n);

  private:
    void add(const std::string & name, raw_tensor raw);
    std::string name_of(const std::string & part, const std::string & suffix) const;

    const tensor_table & table_;
    source_names & names_;
    const char tower_;
    std::vector<std::string> read_;  // since the last add()
};

}  // namespace ggclip
