// Convolutional image towers: the list of layers follows from the file's tensors, which are folded into those layers'
// weights. One file for each architecture.
#pragma once

#include "engine/hparams.h"
#include "formats/layout/folded-tensors.h"

#include <string>

namespace ggclip {

// Adds layers to a tower, and their weights to the names.
class conv_tower_reader {
  public:
    conv_tower_reader(const tensor_table & table, vision_hparams & vision, source_names & names)
        : fold(table, names), table_(table), vision_(vision), n_channel_(vision.n_channel) {
        vision.layers.clear();
    }

    tensor_folder fold;

    int32_t n_channel() const { return n_channel_; }  // of the last map
    bool has_any(const std::string & prefix) const;

    // Appends a layer; returns the prefix of its parts.
    std::string add(const conv_layer & layer);
    // A convolution, depthwise if its kernels have one input channel of several. n_ff: a squeeze's width, or 0.
    std::string add_conv(const conv_sum & sum, int32_t stride, activation act, int32_t n_ff = 0);
    std::string add_norm(const std::string & prefix, activation act);

    // Once all layers of a stem are there: width and patch of the tower.
    void finish_stem();
    // Of a whole tower: its heads, too. d_head: 0 for none.
    void finish(int32_t image_size, int32_t d_head);

  private:
    const tensor_table & table_;
    vision_hparams & vision_;
    int32_t n_channel_;
};

// `trunk`: prefix of all names. timm/models/fastvit.py, the towers of MobileCLIP (fastvit_mci0 and others)
void read_fastvit(const tensor_table & table, const std::string & trunk, int32_t image_size, vision_hparams & vision,
                  source_names & names);

// The mixers of such a text tower, by their names after with_open_clip_names().
void read_text_mixers(const tensor_table & table, text_hparams & text, source_names & names);

// timm/models/convnext.py. `eps`: of its norms
void read_convnext(const tensor_table & table, const std::string & trunk, int32_t image_size, float eps,
                   vision_hparams & vision, source_names & names);

// openai/CLIP clip/model.py, ModifiedResNet
void read_modified_resnet(const tensor_table & table, int32_t image_size, int32_t d_head, vision_hparams & vision,
                          source_names & names);

// timm/models/byobnet.py, resnet50_clip and others: the same network
void read_timm_resnet(const tensor_table & table, const std::string & trunk, int32_t image_size,
                      vision_hparams & vision, source_names & names);

}  // namespace ggclip
