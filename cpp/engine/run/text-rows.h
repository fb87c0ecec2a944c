// The tokens of a batch of texts that a run computes: those that no result depends on are left out.
#pragma once

#include "engine/hparams.h"
#include "engine/run/batch.h"

#include <vector>

namespace ggclip {

struct text_rows {
    batch shape;
    std::vector<int32_t> tokens, positions;  // ids, and rows of the position table
    std::vector<int32_t> rows;               // see text_tokens; empty without a class token
    std::vector<int32_t> pooled;             // row of each text's token that becomes the embedding

    // `all`: padding too, whose states are asked for. Throws MODEL_UNSUPPORTED if a text's hidden tokens do not all
    // come last then.
    void append(const text_hparams & hp, const int32_t * ids, int n, bool all);

  private:
    void append_text(const text_hparams & hp, const int32_t * ids, int n, bool all);
    void append_with_class(const text_hparams & hp, const int32_t * ids, int n, bool all);
};

}  // namespace ggclip
