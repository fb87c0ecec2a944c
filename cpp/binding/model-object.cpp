#include "binding/model-object.h"

#include "binding/arguments.h"
#include "binding/exports.h"
#include "binding/session-object.h"
#include "formats/open-model.h"

namespace ggclip::binding {

void model_object::define(Napi::Env env) {
    environment & e = environment::of(env);
    e.model_class = Napi::Persistent(DefineClass(
        env, "Model",
        {InstanceMethod("info", &model_object::info), InstanceMethod("tokenizer", &model_object::tokenizer),
         InstanceMethod("createSession", &model_object::create_session),
         InstanceMethod("preprocess", &model_object::preprocess), InstanceMethod("dispose", &model_object::dispose)}));
    e.session_class = Napi::Persistent(session_object::define(env));
}

Napi::Value model_object::load(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const std::string path = string_argument(env, info[0], "path");
    const Napi::Object object = object_argument(env, info[1], "options");
    const auto text = [&](const char * name) { return string_argument(env, object.Get(name), name); };

    load_options options;
    options.device = text("device");
    options.dtype = text("dtype");
    options.kernels = text("kernels");
    if (object.Has("threads"))
        options.n_threads = int_argument(env, object.Get("threads"), "threads", 1, GGML_MAX_N_THREADS);
    if (object.Has("maxMemory")) options.max_memory = size_argument(env, object.Get("maxMemory"), "maxMemory");
    const std::string towers = text("towers"), precision_name = text("precision");
    options.want_vision = towers != "text";
    options.want_text = towers != "image";
    options.arithmetic = precision_name == "exact"  ? precision::exact
                         : precision_name == "fast" ? precision::fast
                                                    : precision::normal;

    read_options read;
    read.want_vision = options.want_vision;
    read.want_text = options.want_text;
    if (object.Has("tokenizerFolder")) read.tokenizer_folder = text("tokenizerFolder");
    if (object.Has("processorFolder")) read.processor_folder = text("processorFolder");
    if (object.Has("modules")) options.modules = strings_argument(env, object.Get("modules"), "modules");
    auto result = std::make_shared<std::shared_ptr<const weights>>();
    auto call = std::make_unique<job>(env);
    call->work = [path, options, read, cancelled = call->cancelled, result]() mutable {
        options.cancelled = read.cancelled = cancelled.get();
        *result = std::make_shared<const weights>(open_model(path, read), options);
    };
    call->finish = [result](Napi::Env e) -> Napi::Value {
        return environment::of(e).model_class.New(
            {Napi::External<std::shared_ptr<const weights>>::New(e, result.get())});
    };
    return environment::of(env).start_thread(std::move(call)).value(env);
}

model_object::model_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<model_object>(info) {
    if (info.Length() != 1 || !info[0].IsExternal())
        throw invalid_argument(info.Env(), "Model", "to be made by loadModel()");
    weights_ = *info[0].As<Napi::External<std::shared_ptr<const weights>>>().Data();
}

const std::shared_ptr<const weights> & model_object::open(Napi::Env env) const {
    if (!weights_) throw to_js_error(env, error_code::DISPOSED, "the model has been disposed");
    return weights_;
}

Napi::Value model_object::info(const Napi::CallbackInfo & info) { return info_value(info.Env(), *open(info.Env())); }

Napi::Value model_object::tokenizer(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const tokenizer_source & source = open(env)->source().tokenizer;
    Napi::Object out = Napi::Object::New(env);
    if (!source.json.empty()) {
        out.Set("json", source.json);
        return out;
    }
    if (source.tokens.empty()) return env.Null();
    const auto strings = [&](const std::vector<std::string> & values) {
        Napi::Array array = Napi::Array::New(env, values.size());
        for (uint32_t i = 0; i < values.size(); i++) array.Set(i, values[i]);
        return array;
    };
    out.Set("tokens", strings(source.tokens));
    // clip.cpp's files have none: they follow from the order of the tokens
    if (!source.merges.empty()) out.Set("merges", strings(source.merges));
    return out;
}

// createSession(threads, maxBatch)
Napi::Value model_object::create_session(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const int threads = int_argument(env, info[0], "threads", 1, GGML_MAX_N_THREADS);
    const int max_batch = int_argument(env, info[1], "maxBatch", 1, 4096);
    return session_object::create(env, open(env), threads, max_batch);
}

// preprocess(pixels, background)
Napi::Value model_object::preprocess(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const hparams & hp = open(env)->hp;
    if (!hp.vision.present) throw to_js_error(env, error_code::TOWER_MISSING, "the image tower is not loaded");
    const image_view pixels = pixels_argument(env, info[0], "pixels");
    image_hparams image_hp = hp.image;
    background_argument(env, info[1], image_hp);

    const image_size size = tower_image_size(image_hp, pixels.width, pixels.height);
    auto out = std::make_shared<std::vector<float>>((size_t) 3 * size.width * size.height);
    auto call = std::make_unique<job>(env);
    call->alive.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
    call->work = [pixels, image_hp, out, level = open(env)->level()] {
        preprocess_scratch scratch(level);
        ggclip::preprocess(image_hp, pixels, out->data(), scratch);
    };
    call->finish = [out](Napi::Env e) { return float_array(e, *out); };
    return environment::of(env).start_thread(std::move(call)).promise;
}

void model_object::dispose(const Napi::CallbackInfo &) { weights_.reset(); }

}  // namespace ggclip::binding
