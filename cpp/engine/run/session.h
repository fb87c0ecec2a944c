// One stream of work over shared weights: a backend with its own threads, scratch memory and built graphs. A session
// runs one job at a time; any number of sessions share one `weights`.
#pragma once

#include "engine/run/image-preparer.h"
#include "engine/run/input-moments.h"
#include "engine/run/profile.h"
#include "engine/weights/weights.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ggclip {

struct state_values {
    std::vector<float> data;  // [n_token][width] of the first input
    int n_token = 0, width = 0;
};
using state_map = std::map<std::string, state_values>;

class tower_runner;
struct kept_tensors;

class session {
  public:
    session(std::shared_ptr<const weights> weights, int n_threads, int max_batch);
    ~session();
    session(const session &) = delete;
    session & operator=(const session &) = delete;

    // Unnormalised embeddings: out is [n][n_proj]. Work is split into batches of at most max_batch. `params`: how to
    // prepare pixels. Ready tensors are image_size square, or whole patches of any grid if the tower accepts any.
    // Throws ggclip::error: TOWER_MISSING, ABORTED, ...
    void encode_images(const image_input * images, int n, const image_hparams & params, float * out);
    // ids: concatenated sequences; lengths: [n], each 1..n_ctx (exactly n_ctx if the tower sees padding).
    void encode_texts(const int32_t * ids, const int32_t * lengths, int n, float * out);

    // Runs one input with all its tokens and returns the states in `names` (empty: all).
    state_map image_states(const image_input & image, const std::vector<std::string> & names);
    state_map text_states(const int32_t * ids, int length, const std::vector<std::string> & names);

    // Runs one input and sums the squares of each matrix's inputs (engine/run/input-moments.h). Requires weights loaded
    // for the portable operations.
    moments_map image_moments(const image_input & image);
    moments_map text_moments(const int32_t * ids, int length);

    // Runs one batch (n <= max_batch) n_run times after one warm-up, and reports the time of each operation. Images are
    // prepared beforehand and not included in the times.
    run_profile profile_images(const image_input * images, int n, int n_run);
    run_profile profile_texts(const int32_t * ids, const int32_t * lengths, int n, int n_run);

    // Subsequent calls throw ABORTED soon after any thread sets `cancelled`, which must outlive those calls.
    void stop_by(const std::atomic<bool> & cancelled) { cancelled_ = &cancelled; }

    const weights & model() const { return *weights_; }

  private:
    void in_batches(int n, const std::function<void(int first, int count)> & run);
    void check_images(const image_input * images, int n, const image_hparams & params) const;
    named_tensors keep_of_image(const image_input & image, kept_tensors keep);
    named_tensors keep_of_text(const int32_t * ids, int length, kept_tensors keep);
    void check_profile(int n) const;
    run_profile profile_runs(int n, int n_run, const std::function<void(float *)> & run);

    std::shared_ptr<const weights> weights_;
    int n_threads_, max_batch_;
    const std::atomic<bool> * cancelled_;
    std::unique_ptr<tower_runner> runner_;
    image_preparer preparer_;
};

}  // namespace ggclip
