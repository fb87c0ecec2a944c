#include "engine/run/image-preparer.h"

#include "engine/run/tower-runner.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

image_size image_input::size(const image_hparams & params) const {
    if (is_tensor()) return {tensor.width, tensor.height};
    return tower_image_size(params, pixels.width, pixels.height);
}

// If there are fewer images than threads, several threads share an image.
std::vector<image_tensor> image_preparer::prepare(const image_input * images, int n, const image_hparams & params) {
    std::vector<image_tensor> out;
    std::vector<size_t> begin = {0};
    for (int i = 0; i < n; i++) {
        const image_size size = images[i].size(params);
        out.push_back({nullptr, size.width, size.height});
        begin.push_back(begin.back() + 3 * (size_t) size.width * (size_t) size.height);
    }
    share_.resize(std::max<uint64_t>(share_.size(), begin.back() * sizeof(float)), "prepared pictures of a batch");
    float * const all = tensors_.at_least(begin.back());
    for (size_t i = 0; i < out.size(); i++) out[i].pixels = all + begin[i];

    constexpr int most_parts = 4;  // each part reads extra rows and computes its own weights
    const bool rgb = std::all_of(
        images, images + n, [](const image_input & image) { return !image.is_tensor() && image.pixels.channels == 3; });
    const int n_part = rgb ? std::clamp(n_threads_ / n, 1, most_parts) : 1;  // others: converted whole to RGB first
    runner_.for_each(n * n_part, [&](int task) {
        const auto i = (size_t) (task / n_part);
        const image_input & image = images[i];
        float * const to = all + begin[i];
        if (image.is_tensor()) memcpy(to, image.tensor.pixels, (begin[i + 1] - begin[i]) * sizeof(float));
        else preprocess(params, image.pixels, to, {task % n_part, n_part});
    });
    return out;
}

void image_preparer::release_memory() {
    tensors_ = {};
    share_.resize(0, "");
}

void image_preparer::preprocess(const image_hparams & params, const image_view & image, float * out,
                                picture_part part) {
    std::unique_ptr<preprocess_scratch> scratch;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!free_.empty()) {
            scratch = std::move(free_.back());
            free_.pop_back();
        }
    }
    if (!scratch) scratch = std::make_unique<preprocess_scratch>(level_);
    ggclip::preprocess(params, image, out, *scratch, part);
    std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(scratch));
}

}  // namespace ggclip
