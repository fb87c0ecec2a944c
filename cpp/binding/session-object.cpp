#include "binding/session-object.h"

#include "binding/arguments.h"

#include <cmath>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace ggclip::binding {

// ---- on the session's thread -------------------------------------------------------------------

session & session_state::get() {
    if (!engine) engine = std::make_unique<session>(model, n_threads, max_batch);
    return *engine;
}

namespace {

// A tensor's edges: as given, else the tower's own square, or where it takes any grid the square of so many values.
image_size tensor_size(Napi::Env env, const Napi::Object & image, const hparams & hp, size_t n_values) {
    const auto edge = (int) std::lround(std::sqrt((double) n_values / hp.vision.n_channel));
    const int side = hp.vision.any_grid && edge > 0 ? edge : hp.vision.image_size;
    image_size size = {side, side};
    constexpr int max_edge = 1 << 20;
    if (image.Has("width")) size.width = int_argument(env, image.Get("width"), "width", 1, max_edge);
    if (image.Has("height")) size.height = int_argument(env, image.Get("height"), "height", 1, max_edge);
    return size;
}

image_input image_argument(Napi::Env env, Napi::Value value, const hparams & hp) {
    const Napi::Object object = object_argument(env, value, "image");
    if (!object.Has("tensor")) return pixels_argument(env, object, "image");
    const span<float> tensor = floats_argument(env, object.Get("tensor"), "tensor");
    const image_size size = tensor_size(env, object, hp, tensor.size);
    const size_t expected = (size_t) hp.vision.n_channel * (size_t) size.width * (size_t) size.height;
    if (tensor.size != expected) {
        throw to_js_error(env, error_code::INPUT_SHAPE,
                          "tensor: expected " + std::to_string(expected) + " values [" +
                              std::to_string(hp.vision.n_channel) + ", " + std::to_string(size.height) + ", " +
                              std::to_string(size.width) + "], received " + std::to_string(tensor.size));
    }
    return image_tensor{tensor.data, size.width, size.height};
}

std::vector<image_input> images_argument(Napi::Env env, Napi::Value value, const hparams & hp) {
    if (!value.IsArray()) throw invalid_argument(env, "images", "an array");
    const Napi::Array array = value.As<Napi::Array>();
    std::vector<image_input> images;
    for (uint32_t i = 0; i < array.Length(); i++) images.push_back(image_argument(env, array.Get(i), hp));
    return images;
}

Napi::Value states_value(Napi::Env env, const state_map & states) {
    Napi::Object out = Napi::Object::New(env);
    for (const auto & [name, values] : states) {
        Napi::Object state = Napi::Object::New(env);
        state.Set("data", float_array(env, values.data));
        state.Set("tokens", values.n_token);
        state.Set("width", values.width);
        out.Set(name, state);
    }
    return out;
}

Napi::Value moments_value(Napi::Env env, const moments_map & moments) {
    Napi::Object out = Napi::Object::New(env);
    for (const auto & [name, values] : moments) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("sums", float_array(env, std::vector<float>(values.sums.begin(), values.sums.end())));
        entry.Set("rows", (double) values.n_rows);
        out.Set(name, entry);
    }
    return out;
}

Napi::Value profile_value(Napi::Env env, const run_profile & profile) {
    Napi::Array nodes = Napi::Array::New(env, profile.nodes.size());
    for (uint32_t i = 0; i < profile.nodes.size(); i++) {
        const node_profile & node = profile.nodes[i];
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("kind", node.kind);
        entry.Set("layer", node.layer);
        entry.Set("type", node.type);
        entry.Set("nOut", node.n_out);
        entry.Set("nIn", node.n_in);
        entry.Set("rows", node.n_rows);
        entry.Set("operations", node.n_ops);
        entry.Set("wallMs", float_array(env, node.wall_ms));
        entry.Set("busyMs", float_array(env, node.busy_ms));
        nodes.Set(i, entry);
    }
    Napi::Object peaks = Napi::Object::New(env);
    for (const auto & [type, rate] : profile.peaks) peaks.Set(type, rate);
    Napi::Object out = Napi::Object::New(env);
    out.Set("nodes", nodes);
    out.Set("totalMs", float_array(env, profile.total_ms));
    out.Set("peaks", peaks);
    return out;
}

void need_tower(Napi::Env env, bool present, const weights & model, const char * tower) {
    if (present) return;
    throw to_js_error(env, error_code::TOWER_MISSING, model.source().path + ": the " + tower + " tower is not loaded");
}

Napi::Value embeddings(Napi::Env env, const std::vector<float> & out) { return float_array(env, out); }

}  // namespace

// ---- on the JavaScript thread ------------------------------------------------------------------

Napi::Function session_object::define(Napi::Env env) {
    return DefineClass(env, "Session",
                       {InstanceMethod("encodeImages", &session_object::encode_images),
                        InstanceMethod("encodeTexts", &session_object::encode_texts),
                        InstanceMethod("imageStates", &session_object::image_states),
                        InstanceMethod("textStates", &session_object::text_states),
                        InstanceMethod("imageMoments", &session_object::image_moments),
                        InstanceMethod("textMoments", &session_object::text_moments),
                        InstanceMethod("profileImages", &session_object::profile_images),
                        InstanceMethod("profileTexts", &session_object::profile_texts),
                        InstanceMethod("dispose", &session_object::dispose)});
}

Napi::Object session_object::create(Napi::Env env, std::shared_ptr<const weights> weights, int n_threads,
                                    int max_batch) {
    using pointer = std::shared_ptr<session_state>;
    pointer state = std::make_shared<session_state>(session_state{std::move(weights), n_threads, max_batch, nullptr});
    return environment::of(env).session_class.New({Napi::External<pointer>::New(env, &state)});
}

session_object::session_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<session_object>(info) {
    if (info.Length() != 1 || !info[0].IsExternal())
        throw invalid_argument(info.Env(), "Session", "to be made by model.createSession()");
    state_ = *info[0].As<Napi::External<std::shared_ptr<session_state>>>().Data();
    worker_ = worker::start(environment::of(info.Env()));
}

session_object::~session_object() {
    if (worker_) worker_->quit();
}

const weights & session_object::model(Napi::Env env) const {
    if (!worker_) throw to_js_error(env, error_code::DISPOSED, "the session has been disposed");
    return *state_->model;
}

template <class Result>
Napi::Value session_object::run(Napi::Env env, Napi::Value keep, std::function<Result(session &)> work,
                                std::function<Napi::Value(Napi::Env, const Result &)> finish) {
    model(env);  // throws once disposed
    auto result = std::make_shared<Result>();
    auto call = std::make_unique<job>(env);
    if (keep.IsObject()) call->alive.push_back(Napi::Persistent(keep.As<Napi::Object>()));
    call->work = [state = state_, cancelled = call->cancelled, result, work = std::move(work)] {
        session & engine = state->get();
        engine.stop_by(*cancelled);
        *result = work(engine);
    };
    call->finish = [result, finish = std::move(finish)](Napi::Env e) { return finish(e, *result); };
    return worker_->run(std::move(call)).value(env);
}

// encodeImages(images, background)
Napi::Value session_object::encode_images(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const hparams & hp = model(env).hp;
    need_tower(env, hp.vision.present, model(env), "image");
    std::vector<image_input> images = images_argument(env, info[0], hp);
    image_hparams image_hp = hp.image;
    background_argument(env, info[1], image_hp);

    return run<std::vector<float>>(
        env, info[0],
        [images = std::move(images), image_hp](session & engine) {
            std::vector<float> out(images.size() * (size_t) engine.model().hp.n_proj);
            engine.encode_images(images.data(), (int) images.size(), image_hp, out.data());
            return out;
        },
        embeddings);
}

// encodeTexts(ids, lengths)
Napi::Value session_object::encode_texts(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    need_tower(env, model(env).hp.text.present, model(env), "text");
    const span<int32_t> ids = ints_argument(env, info[0], "ids");
    const span<int32_t> lengths = ints_argument(env, info[1], "lengths");
    size_t total = 0;
    for (size_t i = 0; i < lengths.size; i++) {
        if (lengths.data[i] < 1 || lengths.data[i] > model(env).hp.text.n_ctx) {
            throw to_js_error(env, error_code::INPUT_SHAPE,
                              "lengths: expected 1 to " + std::to_string(model(env).hp.text.n_ctx) + ", received " +
                                  std::to_string(lengths.data[i]));
        }
        total += (size_t) lengths.data[i];
    }
    if (total != ids.size) throw invalid_argument(env, "ids", "as many ids as the lengths add up to");
    // small: copied, so that the caller may reuse its arrays at once
    std::vector<int32_t> own_ids(ids.data, ids.data + ids.size), own_lengths(lengths.data, lengths.data + lengths.size);
    return run<std::vector<float>>(
        env, env.Undefined(),
        [own_ids = std::move(own_ids), own_lengths = std::move(own_lengths)](session & engine) {
            std::vector<float> out(own_lengths.size() * (size_t) engine.model().hp.n_proj);
            engine.encode_texts(own_ids.data(), own_lengths.data(), (int) own_lengths.size(), out.data());
            return out;
        },
        embeddings);
}

template <class Result>
Napi::Value session_object::run_image(const Napi::CallbackInfo & info,
                                      std::function<Result(session &, const image_input &)> work,
                                      std::function<Napi::Value(Napi::Env, const Result &)> finish) {
    Napi::Env env = info.Env();
    need_tower(env, model(env).hp.vision.present, model(env), "image");
    const image_input image = image_argument(env, info[0], model(env).hp);
    return run<Result>(
        env, info[0], [image, work = std::move(work)](session & engine) { return work(engine, image); },
        std::move(finish));
}

template <class Result>
Napi::Value session_object::run_text(const Napi::CallbackInfo & info,
                                     std::function<Result(session &, const std::vector<int32_t> &)> work,
                                     std::function<Napi::Value(Napi::Env, const Result &)> finish) {
    Napi::Env env = info.Env();
    need_tower(env, model(env).hp.text.present, model(env), "text");
    const span<int32_t> ids = ints_argument(env, info[0], "ids");
    return run<Result>(
        env, env.Undefined(),
        [own = std::vector<int32_t>(ids.data, ids.data + ids.size), work = std::move(work)](session & engine) {
            return work(engine, own);
        },
        std::move(finish));
}

// imageStates(image, names)
Napi::Value session_object::image_states(const Napi::CallbackInfo & info) {
    return run_image<state_map>(
        info,
        [names = strings_argument(info.Env(), info[1], "names")](session & engine, const image_input & image) {
            return engine.image_states(image, names);
        },
        states_value);
}

// textStates(ids, names)
Napi::Value session_object::text_states(const Napi::CallbackInfo & info) {
    return run_text<state_map>(
        info,
        [names = strings_argument(info.Env(), info[1], "names")](session & engine, const std::vector<int32_t> & ids) {
            return engine.text_states(ids.data(), (int) ids.size(), names);
        },
        states_value);
}

// imageMoments(image)
Napi::Value session_object::image_moments(const Napi::CallbackInfo & info) {
    return run_image<moments_map>(
        info, [](session & engine, const image_input & image) { return engine.image_moments(image); }, moments_value);
}

// textMoments(ids)
Napi::Value session_object::text_moments(const Napi::CallbackInfo & info) {
    return run_text<moments_map>(
        info,
        [](session & engine, const std::vector<int32_t> & ids) {
            return engine.text_moments(ids.data(), (int) ids.size());
        },
        moments_value);
}

// profileImages(images, runs)
Napi::Value session_object::profile_images(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const hparams & hp = model(env).hp;
    need_tower(env, hp.vision.present, model(env), "image");
    std::vector<image_input> images = images_argument(env, info[0], hp);
    const int n_run = int_argument(env, info[1], "runs", 1, 1 << 16);
    return run<run_profile>(
        env, info[0],
        [images = std::move(images), n_run](session & engine) {
            return engine.profile_images(images.data(), (int) images.size(), n_run);
        },
        profile_value);
}

// profileTexts(ids, texts, runs): `texts` times the same ids
Napi::Value session_object::profile_texts(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    need_tower(env, model(env).hp.text.present, model(env), "text");
    const span<int32_t> ids = ints_argument(env, info[0], "ids");
    const int n = int_argument(env, info[1], "texts", 1, state_->max_batch);
    const int n_run = int_argument(env, info[2], "runs", 1, 1 << 16);
    std::vector<int32_t> own_ids, lengths((size_t) n, (int32_t) ids.size);
    for (int i = 0; i < n; i++) own_ids.insert(own_ids.end(), ids.data, ids.data + ids.size);
    return run<run_profile>(
        env, env.Undefined(),
        [own_ids = std::move(own_ids), lengths = std::move(lengths), n_run](session & engine) {
            return engine.profile_texts(own_ids.data(), lengths.data(), (int) lengths.size(), n_run);
        },
        profile_value);
}

// Resolves when what was queued has run and the scratch memory is free.
Napi::Value session_object::dispose(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    if (!worker_) {
        auto done = Napi::Promise::Deferred::New(env);
        done.Resolve(env.Undefined());
        return done.Promise();
    }
    auto call = std::make_unique<job>(env);
    call->work = [state = state_] { state->engine.reset(); };
    call->finish = [state = state_](Napi::Env e) {
        state->model.reset();  // now, not when the garbage collector finds this object
#if defined(__GLIBC__)
        malloc_trim(0);  // the heaps of the threads that have ended
#endif
        return e.Undefined();
    };
    Napi::Promise promise = worker_->run(std::move(call)).promise;
    worker_->quit();
    worker_.reset();
    return promise;
}

}  // namespace ggclip::binding
