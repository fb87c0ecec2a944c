// A batch's sequences as graph inputs: start of each and, for the portable attention, masks and index lists.
#pragma once

#include "engine/graph/layer-ops.h"

#include <vector>

namespace ggclip {

// The shape of a batch: the lengths of its sequences.
struct batch {
    std::vector<int32_t> lengths;
    bool causal = false;
    float max_alibi_bias = 0;               // see text_hparams
    int skip = 0;                           // leading tokens left out of the mean
    std::vector<int32_t> n_key;             // see sequences
    int n_bucket = 0, bucket_distance = 0;  // see text_hparams
    int width = 0, height = 0;              // of all images, for a convolutional stem
};

// `means`: the tower uses mean pooling. set_sequence_inputs fills the inputs that this adds to `ctx`.
sequences make_sequences(ggml_context * ctx, const batch & batch, bool means, bool portable);

// Fills all inputs derived from the shape. `positions`: [n_token], of texts.
void set_sequence_inputs(const sequences & seqs, const batch & batch, const std::vector<int32_t> & positions = {});

void set_input(ggml_tensor * t, const void * data);

}  // namespace ggclip
