// Magnitude of each matrix's inputs, per column: the importance of each weight column for quantisation.
#pragma once

#include "engine/graph/layer-ops.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ggclip {

struct input_moments {
    std::vector<double> sums;  // sums of squares per column, [n_in]
    int64_t n_rows = 0;        // number of tokens summed
};
using moments_map = std::map<std::string, input_moments>;  // keyed by matrix name

moments_map read_moments(const named_tensors & inputs);

}  // namespace ggclip
