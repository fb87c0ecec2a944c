#include "binding/exports.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "formats/inspect.h"

namespace ggclip::binding {

namespace {

template <class List, class Make>
Napi::Array array_of(Napi::Env env, const List & list, Make make) {
    Napi::Array out = Napi::Array::New(env, list.size());
    uint32_t i = 0;
    for (const auto & item : list) out.Set(i++, make(item));
    return out;
}

Napi::Array strings(Napi::Env env, const std::vector<std::string> & list) {
    return array_of(
        env, list, [&](const std::string & text) { return Napi::String::New(env, text); });
}

// Rows first, as in PyTorch.
Napi::Object tensor_value(Napi::Env env, const std::string & name, const raw_tensor & tensor) {
    Napi::Object out = Napi::Object::New(env);
    out.Set("name", name);
    out.Set("type", tensor.type == GGML_TYPE_COUNT ? tensor.dtype : std::string(ggml_type_name(tensor.type)));
    const std::vector<int64_t> shape(tensor.ne.rbegin(), tensor.ne.rend());
    out.Set("shape", array_of(env, shape, [&](int64_t n) { return Napi::Number::New(env, (double) n); }));
    out.Set("bytes", (double) tensor.n_bytes);
    out.Set("file", tensor.path);
    return out;
}

Napi::Value inspection_value(Napi::Env env, const inspection & found) {
    Napi::Object out = Napi::Object::New(env);
    out.Set("path", found.path);
    out.Set("format", found.format);
    out.Set("family", found.family);
    out.Set("loadable", found.is_loadable);
    std::vector<std::string> towers;
    if (found.loads_vision) towers.push_back("image");
    if (found.loads_text) towers.push_back("text");
    out.Set("towers", strings(env, towers));
    out.Set("files", strings(env, found.files));
    out.Set("keys", array_of(
                        env, found.keys,
                        [&](const inspected_key & key) {
                            Napi::Object entry = Napi::Object::New(env);
                            entry.Set("name", key.name);
                            entry.Set("kind", key.kind);
                            entry.Set("value", key.value);
                            return entry;
                        }));
    out.Set("tensors", array_of(env, found.tensors.tensors,
                                [&](const auto & entry) { return tensor_value(env, entry.first, entry.second); }));
    out.Set("model", env.Null());
    if (found.is_loadable) out.Set("model", hparams_value(env, found.hp));
    out.Set("missing", strings(env, found.missing));
    out.Set("ignored", strings(env, found.ignored));
    out.Set("problems", array_of(env, found.problems, [&](const error & problem) {
                Napi::Object entry = Napi::Object::New(env);
                entry.Set("code", error_code_name(problem.code()));
                entry.Set("message", problem.what());
                return entry;
            }));
    return out;
}

}  // namespace

Napi::Value inspect(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const std::string path = string_argument(env, info[0], "path");
    const Napi::Object folders = object_argument(env, info[1], "folders");
    read_options read;
    read.tokenizer_folder = string_argument(env, folders.Get("tokenizerFolder"), "tokenizerFolder");
    read.processor_folder = string_argument(env, folders.Get("processorFolder"), "processorFolder");
    auto found = std::make_shared<inspection>();
    auto call = std::make_unique<job>(env);
    call->work = [path, read, cancelled = call->cancelled, found]() mutable {
        read.cancelled = cancelled.get();
        *found = inspect_model(path, read);
    };
    call->finish = [found](Napi::Env e) { return inspection_value(e, *found); };
    return environment::of(env).start_thread(std::move(call)).promise;
}

}  // namespace ggclip::binding
