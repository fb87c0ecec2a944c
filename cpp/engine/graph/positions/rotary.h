// Rotary positions (Su et al. 2021): for each token of a sequence, the cosines and signed sines by which
// layer_ops::rotate turns the pairs of a head's values.
#pragma once

#include "engine/hparams.h"

#include <vector>

namespace ggclip {

class rotary_turns {
  public:
    // An image's tokens: [n_token][2 * d_head]; prefix tokens are not turned. Valid until the next call.
    const std::vector<float> & of_grid(const vision_hparams & hp, int rows, int columns);
    // A text's tokens, with angles proportional to `positions`: appended to `out`.
    static void append_text(const text_hparams & hp, const std::vector<int32_t> & positions, std::vector<float> & out);

  private:
    int rows_ = 0, columns_ = 0;
    std::vector<float> grid_;  // of the latest grid
};

}  // namespace ggclip
