#include "engine/run/session.h"

#include "engine/error.h"
#include "engine/run/tower-runner.h"

#include <algorithm>
#include <chrono>

namespace ggclip {

constexpr int max_image_patches = 1 << 16;
static const std::atomic<bool> never_cancelled{false};

session::session(std::shared_ptr<const weights> weights, int n_threads, int max_batch)
    : weights_(std::move(weights)), n_threads_(n_threads), max_batch_(max_batch), cancelled_(&never_cancelled),
      runner_(std::make_unique<tower_runner>(*weights_, n_threads, cancelled_)),
      preparer_(*runner_, n_threads, weights_->level(), weights_->memory) {}

session::~session() = default;

static void need(bool present, const weights & model, const char * tower) {
    if (!present)
        throw_error(error_code::TOWER_MISSING, "%s: the %s tower is not loaded", model.source().path.c_str(), tower);
}

static void check_image(const vision_hparams & hp, const image_size & image) {
    if (!hp.any_grid && (image.width != hp.image_size || image.height != hp.image_size)) {
        throw_error(error_code::INPUT_SHAPE, "image: expected %d x %d pixels, received %d x %d", hp.image_size,
                    hp.image_size, image.width, image.height);
    }
    const int patch = hp.patch_size;
    const bool whole = image.width >= patch && image.height >= patch &&
                       (!hp.layers.empty() || (image.width % patch == 0 && image.height % patch == 0));
    if (hp.any_grid && !whole) {
        throw_error(error_code::INPUT_SHAPE, "image: expected edges of whole patches of %d pixels, received %d x %d",
                    patch, image.width, image.height);
    }
    const int64_t n_patch = (int64_t) (image.width / patch) * (image.height / patch);
    if (n_patch > max_image_patches) {
        throw_error(error_code::INPUT_SHAPE, "image: expected at most %d patches, received %lld", max_image_patches,
                    (long long) n_patch);
    }
}

void session::check_images(const image_input * images, int n, const image_hparams & params) const {
    need(weights_->hp.vision.present, *weights_, "image");
    for (int i = 0; i < n; i++) check_image(weights_->hp.vision, images[i].size(params));
}

// Calls run with batches of at most max_batch_ inputs. What finds no memory runs again when the memory of earlier
// batches has been given back, with half as many inputs; a later call begins with all of them, since one large picture
// or long text may have been the cause.
void session::in_batches(int n, const std::function<void(int first, int count)> & run) {
    int most = max_batch_;
    bool released = false;
    for (int first = 0; first < n;) {
        const int count = std::min(most, n - first);
        try {
            run(first, count);
        } catch (const error & e) {
            if (e.code() != error_code::OUT_OF_MEMORY || (count == 1 && released)) throw;
            runner_->release_memory();
            preparer_.release_memory();
            released = true;
            most = std::max(1, count / 2);
            continue;
        }
        first += count;
    }
}

void session::encode_images(const image_input * images, int n, const image_hparams & params, float * out) {
    check_images(images, n, params);
    in_batches(n, [&](int first, int count) {
        const std::vector<image_tensor> tensors = preparer_.prepare(images + first, count, params);
        runner_->run_images(tensors.data(), count, out + (size_t) first * weights_->hp.n_proj);
    });
}

static void check_text(const text_hparams & hp, const int32_t * ids, int length) {
    const int least = hp.sees_padding ? hp.n_ctx : 1;
    if (length < least || length > hp.n_ctx)
        throw_error(error_code::INPUT_SHAPE, "text: expected %d to %d token ids, received %d", least, hp.n_ctx, length);
    for (int i = 0; i < length; i++) {
        if (ids[i] < 0 || ids[i] >= hp.n_vocab) {
            throw_error(error_code::INPUT_RANGE, "text: expected token ids from 0 to %d, received %d at position %d",
                        hp.n_vocab - 1, ids[i], i);
        }
    }
}

void session::encode_texts(const int32_t * ids, const int32_t * lengths, int n, float * out) {
    need(weights_->hp.text.present, *weights_, "text");
    const int32_t * next = ids;
    for (int s = 0; s < n; next += lengths[s], s++) check_text(weights_->hp.text, next, lengths[s]);
    in_batches(n, [&](int first, int count) {
        runner_->run_texts(ids, lengths + first, count, out + (size_t) first * weights_->hp.n_proj);
        for (int s = first; s < first + count; s++) ids += lengths[s];
    });
}

void session::check_profile(int n) const {
    if (n < 1 || n > max_batch_)
        throw_error(error_code::INPUT_RANGE, "profile: expected 1 to %d inputs, received %d", max_batch_, n);
}

run_profile session::profile_runs(int n, int n_run, const std::function<void(float *)> & run) {
    std::vector<float> out((size_t) n * (size_t) weights_->hp.n_proj);
    run(out.data());
    run_profile profile;
    runner_->profile(&profile);
    try {
        for (int i = 0; i < n_run; i++) {
            const auto began = std::chrono::steady_clock::now();
            run(out.data());
            profile.total_ms.push_back(
                std::chrono::duration<float, std::milli>(std::chrono::steady_clock::now() - began).count());
        }
    } catch (...) {
        runner_->profile(nullptr);
        throw;
    }
    runner_->profile(nullptr);
    for (const node_profile & node : profile.nodes) {
        kernels::weight_type type;
        if (node.n_ops == 0 || profile.peaks.count(node.type) || !parse_type_name(node.type, &type)) continue;
        profile.peaks[node.type] = measure_peak(*weights_->kernels, type, n_threads_);
    }
    return profile;
}

run_profile session::profile_images(const image_input * images, int n, int n_run) {
    const image_hparams & params = weights_->hp.image;
    check_profile(n);
    check_images(images, n, params);
    const std::vector<image_tensor> tensors = preparer_.prepare(images, n, params);
    return profile_runs(n, n_run, [&](float * out) { runner_->run_images(tensors.data(), n, out); });
}

run_profile session::profile_texts(const int32_t * ids, const int32_t * lengths, int n, int n_run) {
    check_profile(n);
    return profile_runs(n, n_run, [&](float * out) { encode_texts(ids, lengths, n, out); });
}

static state_map read_states(const named_tensors & states) {
    state_map out;
    for (const auto & [name, tensor] : states) {
        state_values & values = out[name];
        values.width = (int) tensor->ne[0];
        values.n_token = (int) ggml_nrows(tensor);
        values.data.resize((size_t) ggml_nelements(tensor));
        ggml_backend_tensor_get(tensor, values.data.data(), 0, ggml_nbytes(tensor));
    }
    return out;
}

named_tensors session::keep_of_image(const image_input & image, kept_tensors keep) {
    const image_hparams & params = weights_->hp.image;
    check_images(&image, 1, params);
    runner_->run_images(preparer_.prepare(&image, 1, params).data(), 1, nullptr, &keep);
    return std::move(keep.tensors);
}

named_tensors session::keep_of_text(const int32_t * ids, int length, kept_tensors keep) {
    need(weights_->hp.text.present, *weights_, "text");
    check_text(weights_->hp.text, ids, length);
    runner_->run_texts(ids, &length, 1, nullptr, &keep);
    return std::move(keep.tensors);
}

state_map session::image_states(const image_input & image, const std::vector<std::string> & names) {
    return read_states(keep_of_image(image, {kept_tensors::kind::states, names, {}}));
}

state_map session::text_states(const int32_t * ids, int length, const std::vector<std::string> & names) {
    return read_states(keep_of_text(ids, length, {kept_tensors::kind::states, names, {}}));
}

static kept_tensors all_inputs(const weights & model) {
    if (model.kernels)
        throw_error(error_code::INTERNAL, "%s: inputs are measured with portable operations only",
                    model.source().path.c_str());
    return {kept_tensors::kind::inputs, {}, {}};
}

moments_map session::image_moments(const image_input & image) {
    return read_moments(keep_of_image(image, all_inputs(*weights_)));
}

moments_map session::text_moments(const int32_t * ids, int length) {
    return read_moments(keep_of_text(ids, length, all_inputs(*weights_)));
}

}  // namespace ggclip
