// Prepares the images of a call for the image tower, in memory kept for the next batch.
#pragma once

#include "engine/graph/stem.h"
#include "engine/preprocess.h"
#include "engine/memory/memory-budget.h"
#include "engine/memory/memory.h"

#include <memory>
#include <mutex>
#include <vector>

namespace ggclip {

class tower_runner;

// Decoded pixels to prepare, or a ready tensor.
struct image_input {
    image_input(const image_view & view) : pixels(view) {}
    image_input(const image_tensor & ready) : tensor(ready) {}

    image_view pixels;
    image_tensor tensor;  // if it has no data, `pixels` holds the image

    bool is_tensor() const { return tensor.pixels != nullptr; }
    image_size size(const image_hparams & params) const;  // tower input size
};

class image_preparer {
  public:
    // `runner` must outlive this object. `level`: CPU level for resizing.
    image_preparer(tower_runner & runner, int n_threads, kernels::cpu_level level, memory_budget & budget)
        : runner_(runner), n_threads_(n_threads), level_(level), share_(budget) {}

    // Prepares a batch's tensors on the runner's threads; valid until the next call. Throws ABORTED and the errors of
    // preprocess().
    std::vector<image_tensor> prepare(const image_input * images, int n, const image_hparams & params);

    // Gives back the memory of the latest batch.
    void release_memory();

  private:
    void preprocess(const image_hparams & params, const image_view & image, float * out, picture_part part);

    tower_runner & runner_;
    const int n_threads_;
    const kernels::cpu_level level_;
    float_scratch tensors_;
    budget_share share_;  // of tensors_
    std::mutex mutex_;
    std::vector<std::unique_ptr<preprocess_scratch>> free_;  // one per concurrently preparing thread
};

}  // namespace ggclip
