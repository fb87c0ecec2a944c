#include "engine/graph/positions/rotary.h"

#include <cmath>

namespace ggclip {

namespace {

// Appends one token's row: pair j of a head is turned by angles[j].
void append_turns(const std::vector<double> & angles, rotary_pairs pairs, std::vector<float> & out) {
    const size_t n = angles.size(), d_head = 2 * n, begin = out.size();
    out.resize(begin + 2 * d_head);
    float *cosines = out.data() + begin, *sines = cosines + d_head;
    for (size_t j = 0; j < n; j++) {
        const size_t first = pairs == rotary_pairs::halves ? j : 2 * j;
        const size_t second = pairs == rotary_pairs::halves ? j + n : 2 * j + 1;
        cosines[first] = cosines[second] = (float) std::cos(angles[j]);
        sines[second] = (float) std::sin(angles[j]);
        sines[first] = -sines[second];
    }
}

// base^(-j / n): as many angles as an axis has, from one radian a step to one in almost `base`
std::vector<double> frequencies(float base, int n) {
    std::vector<double> out;
    for (int j = 0; j < n; j++) out.push_back(std::pow((double) base, -(double) j / n));
    return out;
}

// timm/layers/pos_embed_sincos.py, _build_grid and RotaryEmbeddingDinoV3
double coordinate(const vision_hparams & hp, int i, int n) {
    if (hp.rotary_place == rotary_coordinates::centered)
        return 2 * M_PI * (2 * (i + 0.5 + (double) hp.rotary_offset) / n - 1);
    const double at = i + (double) hp.rotary_offset;
    return hp.rotary_grid > 0 ? at / n * hp.rotary_grid : at;
}

}  // namespace

const std::vector<float> & rotary_turns::of_grid(const vision_hparams & hp, int rows, int columns) {
    if (rows == rows_ && columns == columns_) return grid_;
    const std::vector<double> steps = frequencies(hp.rotary_base, hp.d_head / 4);
    std::vector<double> angles((size_t) hp.d_head / 2, 0.0);
    grid_.clear();
    for (int i = 0; i < hp.n_prefix(); i++) append_turns(angles, hp.rotary, grid_);
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
            const double down = coordinate(hp, y, rows), across = coordinate(hp, x, columns);
            for (size_t j = 0; j < steps.size(); j++) {
                angles[j] = (hp.rotary_x_first ? across : down) * steps[j];
                angles[steps.size() + j] = (hp.rotary_x_first ? down : across) * steps[j];
            }
            append_turns(angles, hp.rotary, grid_);
        }
    }
    rows_ = rows;
    columns_ = columns;
    return grid_;
}

void rotary_turns::append_text(const text_hparams & hp, const std::vector<int32_t> & positions,
                               std::vector<float> & out) {
    const std::vector<double> steps = frequencies(hp.rotary_base, hp.d_head / 2);
    for (const int32_t position : positions) {
        std::vector<double> angles;
        for (const double step : steps) angles.push_back(position * step);
        append_turns(angles, hp.rotary, out);
    }
}

}  // namespace ggclip
