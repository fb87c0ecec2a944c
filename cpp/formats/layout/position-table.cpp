#include "formats/layout/position-table.h"

#include "engine/names.h"
#include "formats/layout/bind-tensors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace ggclip {

namespace {

// The four neighbours of an output and their weights.
struct cubic_taps {
    std::array<int, 4> at;
    std::array<double, 4> weight;
};

// One axis of torch's F.interpolate(mode='bicubic', align_corners=False): Keys' kernel with A = -0.75, edges repeated
// (aten/src/ATen/native/UpSample.h).
std::vector<cubic_taps> taps_of(int n_in, int n_out) {
    const double a = -0.75;
    std::vector<cubic_taps> out((size_t) n_out);
    for (int i = 0; i < n_out; i++) {
        const double center = (double) n_in / n_out * (i + 0.5) - 0.5, first = std::floor(center), t = center - first;
        const auto near = [&](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
        const auto far = [&](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
        cubic_taps & taps = out[(size_t) i];
        taps.weight = {far(t + 1), near(t), near(1 - t), far(2 - t)};
        for (int j = 0; j < 4; j++) taps.at[(size_t) j] = std::clamp((int) first - 1 + j, 0, n_in - 1);
    }
    return out;
}

std::vector<float> read_floats(const raw_tensor & raw) {
    std::vector<uint8_t> stored(raw.n_bytes);
    raw.bytes->read(raw.offset, raw.n_bytes, stored.data());
    std::vector<float> values(raw.n_bytes / ggml_type_size(raw.type));
    if (raw.type == GGML_TYPE_F32) memcpy(values.data(), stored.data(), raw.n_bytes);
    else ggml_get_type_traits(raw.type)->to_float(stored.data(), values.data(), (int64_t) values.size());
    return values;
}

// [n_prefix + from * from][n] -> [n_prefix + to * to][n]
std::vector<float> resized(const std::vector<float> & table, int n, int n_prefix, int from, int to) {
    const std::vector<cubic_taps> taps = taps_of(from, to);
    std::vector<float> out(table.begin(), table.begin() + (ptrdiff_t) n_prefix * n);
    for (int y = 0; y < to; y++) {
        for (int x = 0; x < to; x++) {
            const cubic_taps &down = taps[(size_t) y], &across = taps[(size_t) x];
            for (int c = 0; c < n; c++) {
                double sum = 0;
                for (size_t j = 0; j < 4; j++)
                    for (size_t i = 0; i < 4; i++)
                        sum += down.weight[j] * across.weight[i] *
                               table[((size_t) n_prefix + (size_t) (down.at[j] * from + across.at[i])) * (size_t) n +
                                     (size_t) c];
                out.push_back((float) sum);
            }
        }
    }
    return out;
}

// Values in rows of n instead of what the file has.
void replace(raw_tensor & raw, const std::vector<float> & values, int n) {
    auto bytes = std::make_shared<bytes_in_memory>(values.size() * sizeof(float));
    memcpy(bytes->bytes.data(), values.data(), bytes->bytes.size());
    raw.type = GGML_TYPE_F32;
    raw.dtype = "F32";
    raw.ne = {n, (int64_t) values.size() / n};
    raw.n_bytes = bytes->bytes.size();
    raw.offset = 0;
    raw.bytes = std::move(bytes);
}

}  // namespace

tensor_table with_resized_positions(const tensor_table & table, const source_names & names, const hparams & hp) {
    tensor_table out = table;
    for (const expected_tensor & tensor : expected_tensors(hp)) {
        if (tensor.tower != 'v' || tensor.part != names::position_embd) continue;
        const auto found = out.tensors.find(origin_of(tensor, names).name);
        const int n = hp.vision.n_embd, n_prefix = hp.vision.n_prefix(), grid = names.trained_grid;
        const std::vector<int64_t> shape = {n, (int64_t) grid * grid + n_prefix};
        if (found == out.tensors.end() || found->second.ne != shape || !is_float_type(found->second.type)) continue;
        raw_tensor & raw = found->second;
        replace(raw, resized(read_floats(raw), n, n_prefix, grid, hp.vision.n_grid()), n);
    }
    return out;
}

// M2M100SinusoidalPositionalEmbedding.get_embedding: sines, then cosines, the row of padding zero; in float, as there.
// Tipsv2SinusoidalPositionalEmbedding: the same without a row of padding.
tensor_table with_sinusoidal_positions(const tensor_table & table, const source_names & names, const hparams & hp) {
    const int n = hp.text.n_embd, half = n / 2, n_row = hp.text.n_positions();
    std::vector<float> values((size_t) n * (size_t) n_row, 0.0f);
    const int zero_row = hp.text.position_offset > 0 ? hp.text.pad_id : -1;
    const auto step = (float) (std::log(10000.0) / (half - 1));
    for (int row = 0; row < n_row; row++) {
        float * at = values.data() + (size_t) row * (size_t) n;
        for (int i = 0; i < half && row != zero_row; i++) {
            const float angle = (float) row * std::exp((float) i * -step);
            at[i] = std::sin(angle);
            at[half + i] = std::cos(angle);
        }
    }
    tensor_table out = table;
    for (const expected_tensor & tensor : expected_tensors(hp))
        if (tensor.tower == 't' && tensor.part == names::position_embd)
            replace(out.tensors[origin_of(tensor, names).name], values, n);
    return out;
}

}  // namespace ggclip
