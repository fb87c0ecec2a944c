#include "formats/families/conv/mobile-one.h"

namespace ggclip {

conv_sum mobile_one_reader::plain(const std::string & name) { return fold_.convolution(name, "", one_row_); }

conv_sum mobile_one_reader::mobile_one(const std::string & name) {
    if (fold_.has(name + "reparam_conv.weight")) return plain(name + "reparam_conv");
    conv_sum sum = fold_.shape_of(name + "conv_kxk.0.conv.weight", one_row_);
    add_branches(name, 1, sum);
    return sum;
}

void mobile_one_reader::add_branches(const std::string & name, double factor, conv_sum & sum) {
    const size_t first = sum.branches.size();
    for (int i = 0; fold_.has_any(name + "conv_kxk." + std::to_string(i) + "."); i++) {
        const std::string conv = name + "conv_kxk." + std::to_string(i);
        sum.branches.push_back(fold_.branch(conv + ".conv", sum, conv + ".bn"));
    }
    if (fold_.has_any(name + "conv_scale."))
        sum.branches.push_back(fold_.branch(name + "conv_scale.conv", sum, name + "conv_scale.bn"));
    if (fold_.has_any(name + "identity.")) {
        conv_branch identity;
        identity.norm = fold_.norm(name + "identity", sum.n_out);
        sum.branches.push_back(identity);
    }
    for (size_t i = first; i < sum.branches.size(); i++) sum.branches[i].factor = factor;
}

conv_sum mobile_one_reader::rep_mixer(const std::string & name) {
    if (fold_.has(name + "reparam_conv.weight")) return plain(name + "reparam_conv");
    conv_sum sum = fold_.shape_of(name + "mixer.conv_kxk.0.conv.weight", one_row_);
    add_branches(name + "mixer.", 1, sum);
    add_branches(name + "norm.", -1, sum);
    sum.factors = fold_.maybe(name + "layer_scale.gamma", {sum.n_out});
    sum.plus_identity = true;
    return sum;
}

conv_sum mobile_one_reader::mlp_conv(const std::string & name) {
    return fold_.convolution(name + "conv", name + "bn", one_row_);
}

}  // namespace ggclip
