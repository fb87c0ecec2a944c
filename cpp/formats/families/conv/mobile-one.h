// MobileOne's blocks and RepMixers (https://arxiv.org/abs/2303.14189), in images and in rows of tokens. Trained with
// parallel branches: a sum of convolutions and of the input, each with its batch norm; saved so, or as one convolution
// (reparam_conv).
#pragma once

#include "formats/layout/folded-tensors.h"

#include <string>

namespace ggclip {

class mobile_one_reader {
  public:
    // one_row: kernels of one row, for tokens
    explicit mobile_one_reader(tensor_folder & fold, bool one_row = false) : fold_(fold), one_row_(one_row) {}

    // A convolution with its bias and no norm; of `name`.weight.
    conv_sum plain(const std::string & name);
    // All convolutions and the identity of `name`, which ends with a dot.
    conv_sum mobile_one(const std::string & name);
    // x + scale * (mixer(x) - norm(x))
    conv_sum rep_mixer(const std::string & name);
    // The depthwise convolution at the beginning of an MLP.
    conv_sum mlp_conv(const std::string & name);

  private:
    void add_branches(const std::string & name, double factor, conv_sum & sum);

    tensor_folder & fold_;
    bool one_row_;
};

}  // namespace ggclip
