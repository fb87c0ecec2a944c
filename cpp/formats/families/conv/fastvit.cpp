// FastViT (https://arxiv.org/abs/2303.14189) as MobileCLIP has it: image towers, and the two RepMixers around the
// blocks of S0's text tower (apple/ml-mobileclip mobileclip/text_encoder.py, "mct").
#include "formats/families/conv/towers.h"

#include "engine/names.h"
#include "formats/families/conv/mobile-one.h"
#include "formats/layout/limits.h"

namespace ggclip {

namespace {

class fastvit_reader {
  public:
    fastvit_reader(conv_tower_reader & tower, const std::string & trunk)
        : tower_(tower), fold_(tower.fold), mobile_(tower.fold), trunk_(trunk) {}

    void read() {
        tower_.add_conv(mobile_.mobile_one(trunk_ + "stem.0."), 2, activation::gelu_erf);
        tower_.add_conv(mobile_.mobile_one(trunk_ + "stem.1."), 2, activation::gelu_erf);
        tower_.add_conv(mobile_.mobile_one(trunk_ + "stem.2."), 1, activation::gelu_erf);
        for (int i = 0; tower_.has_any(stage_name(i)); i++) read_stage(stage_name(i));
        add_squeezed(mobile_.mobile_one(trunk_ + "final_conv."), trunk_ + "final_conv.se.", 1);
    }

  private:
    std::string stage_name(int i) const { return trunk_ + "stages." + std::to_string(i) + "."; }

    // A large kernel and a small one in its middle.
    conv_sum large_kernel(const std::string & name) {
        if (fold_.has(name + "reparam_conv.weight")) return mobile_.plain(name + "reparam_conv");
        conv_sum sum = fold_.shape_of(name + "large_conv.conv.weight");
        for (const char * part : {"large_conv", "small_conv"})
            if (tower_.has_any(name + part + std::string(".")))
                sum.branches.push_back(fold_.branch(name + part + ".conv", sum, name + part + ".bn"));
        return sum;
    }

    // Positions by convolution, added to the input.
    conv_sum position_encoding(const std::string & name) {
        if (fold_.has(name + "reparam_conv.weight")) return mobile_.plain(name + "reparam_conv");
        conv_sum sum = mobile_.plain(name + "pos_enc");
        sum.plus_identity = true;
        return sum;
    }

    void add_squeezed(const conv_sum & sum, const std::string & squeeze, int32_t stride) {
        const bool squeezes = tower_.has_any(squeeze);
        const int32_t n_ff = squeezes ? fold_.shape_of(squeeze + "fc1.weight").n_out : 0;
        const std::string prefix = tower_.add_conv(sum, stride, activation::gelu_erf, n_ff);
        if (!squeezes) return;
        fold_.add_linear(prefix + names::ffn_up, squeeze + "fc1", sum.n_out, n_ff);
        fold_.add_linear(prefix + names::ffn_down, squeeze + "fc2", n_ff, sum.n_out);
    }

    void read_stage(const std::string & name) {
        if (tower_.has_any(name + "downsample.")) {
            const std::string proj = name + "downsample.proj.";
            add_squeezed(large_kernel(proj + "0."), proj + "0.se.", 2);
            tower_.add_conv(mobile_.mobile_one(proj + "1."), 1, activation::gelu_erf);
        }
        if (tower_.has_any(name + "pos_emb."))
            tower_.add_conv(position_encoding(name + "pos_emb."), 1, activation::none);
        for (int i = 0; tower_.has_any(block_name(name, i)); i++) read_block(block_name(name, i));
    }

    static std::string block_name(const std::string & stage, int i) {
        return stage + "blocks." + std::to_string(i) + ".";
    }

    void read_block(const std::string & name) {
        const bool attends = fold_.has(name + "token_mixer.qkv.weight");
        if (attends) add_attention(name);
        else tower_.add_conv(mobile_.rep_mixer(name + "token_mixer."), 1, activation::none);
        add_mlp(name, attends ? "layer_scale_2.gamma" : "layer_scale.gamma");
    }

    // The norm before it is a batch norm, folded into q, k and v, or a LayerNorm.
    void add_attention(const std::string & name) {
        const int32_t n = tower_.n_channel();
        const bool batch = fold_.has(name + "norm.running_mean");
        conv_layer layer;
        layer.kind = conv_kind::attention;
        layer.n_out = n;
        layer.has_norm = !batch;
        const std::string prefix = tower_.add(layer), mixer = name + "token_mixer.";
        batch_norm norm;
        if (batch) norm = fold_.norm(name + "norm", n);
        else fold_.add_layer_norm(prefix + names::map_norm, name + "norm", n);
        int slice = 0;
        for (const char * part : {names::attn_q, names::attn_k, names::attn_v})
            fold_.add_normed_linear(prefix + part, mixer + "qkv", norm, n, n, slice++, 3);
        fold_.add_scaled_linear(prefix + names::attn_out, mixer + "proj", name + "layer_scale_1.gamma", n, n);
    }

    void add_mlp(const std::string & name, const char * scale) {
        const conv_sum mixing = mobile_.mlp_conv(name + "mlp.conv.");
        conv_layer layer;
        layer.kind = conv_kind::mlp;
        layer.n_out = tower_.n_channel();
        layer.kernel = mixing.kernel;
        layer.n_ff = fold_.shape_of(name + "mlp.fc1.weight").n_out;
        layer.act = activation::gelu_erf;
        const std::string prefix = tower_.add(layer);
        fold_.add_depthwise(prefix + names::depthwise, mixing, layer.n_out);
        fold_.add_linear(prefix + names::ffn_up, name + "mlp.fc1", layer.n_out, layer.n_ff);
        fold_.add_scaled_linear(prefix + names::ffn_down, name + "mlp.fc2", name + scale, layer.n_ff, layer.n_out);
    }

    conv_tower_reader & tower_;
    tensor_folder & fold_;
    mobile_one_reader mobile_;
    const std::string trunk_;
};

}  // namespace

void read_fastvit(const tensor_table & table, const std::string & trunk, int32_t image_size, vision_hparams & vision,
                  source_names & names) {
    constexpr int32_t d_head = 32;  // of all variants
    conv_tower_reader tower(table, vision, names);
    fastvit_reader(tower, trunk).read();
    tower.finish(image_size, d_head);
    vision.eps = 1e-5f;  // LayerNorm2d of fastvit_mci3 and fastvit_mci4
    vision.pool = pooling::mean;
}

void read_text_mixers(const tensor_table & table, text_hparams & text, source_names & names) {
    tensor_folder fold(table, names, 't');
    mobile_one_reader mobile(fold, true);
    for (int i = 0; i < 2; i++) {
        const std::string name = "text.mixers." + std::to_string(i) + ".", own = names::of_mixer(i);
        const conv_sum mixing = mobile.rep_mixer(name + "token_mixer."), inner = mobile.mlp_conv(name + "mlp.conv.");
        const int32_t n_ff = fold.shape_of(name + "mlp.fc1.weight").n_out;
        if (i == 0) {
            text.mixer_kernel = mixing.kernel;
            text.n_mixer_ff = n_ff;
        }
        fold.add_depthwise(own + names::mix, mixing, text.n_embd);
        fold.add_depthwise(own + names::depthwise, inner, text.n_embd);
        fold.add_linear(own + names::ffn_up, name + "mlp.fc1", text.n_embd, n_ff);
        fold.add_scaled_linear(own + names::ffn_down, name + "mlp.fc2", name + "layer_scale.gamma", n_ff, text.n_embd);
    }
}

}  // namespace ggclip
