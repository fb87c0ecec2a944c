// JavaScript's Model: shared weights. Made by loadModel() only.
#pragma once

#include "binding/async.h"
#include "engine/preprocess.h"
#include "engine/weights/weights.h"

#include <napi.h>

#include <memory>

namespace ggclip::binding {

class model_object : public Napi::ObjectWrap<model_object> {
  public:
    static void define(Napi::Env env);
    // loadModel(path, options) -> { promise, abort }
    static Napi::Value load(const Napi::CallbackInfo & info);
    explicit model_object(const Napi::CallbackInfo & info);

  private:
    Napi::Value info(const Napi::CallbackInfo & info);
    Napi::Value tokenizer(const Napi::CallbackInfo & info);
    Napi::Value create_session(const Napi::CallbackInfo & info);
    Napi::Value preprocess(const Napi::CallbackInfo & info);
    void dispose(const Napi::CallbackInfo & info);
    const std::shared_ptr<const weights> & open(Napi::Env env) const;

    std::shared_ptr<const weights> weights_;
};

}  // namespace ggclip::binding
