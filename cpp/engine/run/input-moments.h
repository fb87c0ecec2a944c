// How large the inputs of each matrix are, column by column: what makes one column of weights matter more than another
// when a matrix is quantised.
#pragma once

#include "engine/graph/layer-ops.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ggclip {

struct input_moments {
    std::vector<double> sums;  // of the squares of a column's values, [n_in]
    int64_t n_rows = 0;        // tokens that were summed
};
using moments_map = std::map<std::string, input_moments>;  // by the matrix's name

moments_map read_moments(const named_tensors & inputs);

}  // namespace ggclip
