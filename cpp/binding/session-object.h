// JavaScript's Session: a worker thread with its own scratch memory over a model's shared weights.
#pragma once

#include "binding/async.h"
#include "engine/run/session.h"

#include <napi.h>

#include <memory>

namespace ggclip::binding {

// What the worker thread owns. The engine's session is made on that thread at the first job.
struct session_state {
    std::shared_ptr<const weights> model;
    int n_threads, max_batch;
    std::unique_ptr<session> engine;

    session & get();
};

class session_object : public Napi::ObjectWrap<session_object> {
  public:
    static Napi::Function define(Napi::Env env);
    static Napi::Object create(Napi::Env env, std::shared_ptr<const weights> weights, int n_threads, int max_batch);
    explicit session_object(const Napi::CallbackInfo & info);
    ~session_object() override;

  private:
    Napi::Value encode_images(const Napi::CallbackInfo & info);
    Napi::Value encode_texts(const Napi::CallbackInfo & info);
    Napi::Value image_states(const Napi::CallbackInfo & info);
    Napi::Value text_states(const Napi::CallbackInfo & info);
    Napi::Value image_moments(const Napi::CallbackInfo & info);
    Napi::Value text_moments(const Napi::CallbackInfo & info);
    Napi::Value profile_images(const Napi::CallbackInfo & info);
    Napi::Value profile_texts(const Napi::CallbackInfo & info);
    Napi::Value dispose(const Napi::CallbackInfo & info);

    const weights & model(Napi::Env env) const;  // throws once disposed

    // Runs `work` on the session's thread; JavaScript's `keep` stays alive meanwhile.
    template <class Result>
    Napi::Value run(Napi::Env env, Napi::Value keep, std::function<Result(session &)> work,
                    std::function<Napi::Value(Napi::Env, const Result &)> finish);

    // Calls whose first argument is one image, or the ids of one text.
    template <class Result>
    Napi::Value run_image(const Napi::CallbackInfo & info, std::function<Result(session &, const image_input &)> work,
                          std::function<Napi::Value(Napi::Env, const Result &)> finish);
    template <class Result>
    Napi::Value run_text(const Napi::CallbackInfo & info,
                         std::function<Result(session &, const std::vector<int32_t> &)> work,
                         std::function<Napi::Value(Napi::Env, const Result &)> finish);

    std::shared_ptr<session_state> state_;
    std::shared_ptr<worker> worker_;
};

}  // namespace ggclip::binding
