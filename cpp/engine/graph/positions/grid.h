// Position vectors for images whose grid of patches differs from the trained one (SigLIP2 NaFlex, DINOv2): the table is
// resized like an image, by torch's rule.
#pragma once

#include "engine/hparams.h"

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace ggclip {

class position_grid {
  public:
    // table: [n_side * n_side][n_embd], row by row
    position_grid(std::vector<float> table, int n_side, int n_embd, grid_filter filter)
        : table_(std::move(table)), n_side_(n_side), n_embd_(n_embd), filter_(filter) {}

    // [rows * columns][n_embd]; cached for the next image with this grid. Valid until the next call.
    const std::vector<float> & resized(int rows, int columns);

  private:
    std::vector<float> resize(int rows, int columns) const;

    std::vector<float> table_;
    int n_side_, n_embd_;
    grid_filter filter_;
    std::map<std::pair<int, int>, std::vector<float>> known_;
    std::size_t n_kept_ = 0;  // floats in known_
};

}  // namespace ggclip
