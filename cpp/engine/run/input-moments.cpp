#include "engine/run/input-moments.h"

#include <ggml-backend.h>

namespace ggclip {

moments_map read_moments(const named_tensors & inputs) {
    moments_map out;
    std::vector<float> values;
    for (const auto & [name, tensor] : inputs) {
        input_moments & moments = out[name];
        const size_t n_in = (size_t) tensor->ne[0], n_rows = (size_t) ggml_nrows(tensor);
        values.resize(n_in * n_rows);
        ggml_backend_tensor_get(tensor, values.data(), 0, ggml_nbytes(tensor));
        moments.sums.resize(n_in, 0.0);
        moments.n_rows += (int64_t) n_rows;
        for (size_t row = 0; row < n_rows; row++)
            for (size_t i = 0; i < n_in; i++)
                moments.sums[i] += (double) values[row * n_in + i] * values[row * n_in + i];
    }
    return out;
}

}  // namespace ggclip
