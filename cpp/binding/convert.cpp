#include "binding/exports.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "engine/weights/type-policy.h"
#include "formats/write/convert.h"
#include "formats/open-model.h"

#include <cstring>
#include <mutex>

namespace ggclip::binding {

static ggml_type type_argument(Napi::Env env, const std::string & name) {
    ggml_type type = GGML_TYPE_COUNT;
    if (!name.empty() && !parse_weight_type(name, &type))
        throw invalid_argument(env, "type", "a weight type such as f16 or q8_0");
    return type;
}

// [[pattern, type], ...]
static std::vector<type_override> overrides_argument(Napi::Env env, Napi::Value value) {
    if (!value.IsArray()) throw invalid_argument(env, "overrides", "an array");
    std::vector<type_override> out;
    const Napi::Array array = value.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
        const std::vector<std::string> pair = strings_argument(env, array.Get(i), "overrides");
        if (pair.size() != 2) throw invalid_argument(env, "overrides", "[pattern, type] pairs");
        out.push_back({pair[0], type_argument(env, pair[1])});
    }
    return out;
}

// { tensor name: Float32Array } or null
static std::map<std::string, std::vector<float>> importance_argument(Napi::Env env, Napi::Value value) {
    std::map<std::string, std::vector<float>> out;
    if (value.IsNull()) return out;
    const Napi::Object object = object_argument(env, value, "importance");
    const Napi::Array names = object.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); i++) {
        const std::string name = string_argument(env, names.Get(i), "importance");
        const span<float> values = floats_argument(env, object.Get(name), "importance");
        out[name].assign(values.data, values.data + values.size);
    }
    return out;
}

// Progress of a conversion: written by its thread, read by the JavaScript thread.
struct progress_state {
    std::mutex mutex;
    convert_progress now = {0, 0, 0, 0, ""};

    void set(const convert_progress & value) {
        std::lock_guard<std::mutex> lock(mutex);
        now = value;
    }
    Napi::Value value(Napi::Env env) {
        std::lock_guard<std::mutex> lock(mutex);
        Napi::Object out = Napi::Object::New(env);
        out.Set("tensor", now.name);
        out.Set("tensorsDone", (double) now.n_tensors_done);
        out.Set("tensors", (double) now.n_tensors);
        out.Set("bytesDone", (double) now.n_bytes_done);
        out.Set("bytes", (double) now.n_bytes);
        return out;
    }
};

Napi::Value convert(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const std::string input = string_argument(env, info[0], "input"), output = string_argument(env, info[1], "output");
    const Napi::Object object = object_argument(env, info[2], "options");
    const auto text = [&](const char * name) { return string_argument(env, object.Get(name), name); };
    convert_options options;
    options.type = type_argument(env, text("type"));
    options.overrides = overrides_argument(env, object.Get("overrides"));
    options.policy = text("policy") == "mixed" ? quant_policy::mixed : quant_policy::uniform;
    options.importance = importance_argument(env, object.Get("importance"));
    options.n_threads = int_argument(env, object.Get("threads"), "threads", 0, 1024);
    const Napi::Value given = object.Get("tokenizer");
    const bool has_tokenizer = given.IsObject();
    tokenizer_source own;
    int32_t pad_id = -1;
    if (has_tokenizer) {
        const Napi::Object value = given.As<Napi::Object>();
        own.json = string_argument(env, value.Get("json"), "tokenizer.json");
        own.tokens = strings_argument(env, value.Get("tokens"), "tokenizer.tokens");
        own.merges = strings_argument(env, value.Get("merges"), "tokenizer.merges");
        pad_id = int_argument(env, value.Get("padId"), "tokenizer.padId", -1, 1 << 22);
    }
    const std::string name = text("name"), license = text("license");
    const std::string origin = text("source"), revision = text("revision");
    read_options read;
    read.tokenizer_folder = text("tokenizerFolder");
    read.processor_folder = text("processorFolder");

    auto report = std::make_shared<convert_report>();
    auto progress = std::make_shared<progress_state>();
    auto call = std::make_unique<job>(env);
    const cancel_flag cancelled = call->cancelled;
    call->work = [=] {
        read_options wanted = read;
        wanted.cancelled = cancelled.get();
        model_source source = open_model(input, wanted);
        if (!name.empty()) source.hp.name = name;
        if (!license.empty()) source.hp.license = license;
        if (!origin.empty()) source.hp.source = origin;
        if (!revision.empty()) source.hp.revision = revision;
        if (source.hp.text.pad_id < 0 && pad_id < source.hp.text.n_vocab) source.hp.text.pad_id = pad_id;
        *report = ggclip::convert(
            source, has_tokenizer ? own : source.tokenizer, output, options,
            [&](const convert_progress & now) { progress->set(now); }, cancelled.get());
    };
    call->finish = [report](Napi::Env e) {
        Napi::Object types = Napi::Object::New(e);
        for (const auto & [type, n] : report->n_tensors) types.Set(type, (double) n);
        Napi::Object out = Napi::Object::New(e);
        out.Set("bytes", (double) report->n_bytes);
        out.Set("tensors", types);
        return out;
    };
    Napi::Object task = environment::of(env).start_thread(std::move(call)).value(env);
    task.Set("progress", Napi::Function::New(env, [progress](const Napi::CallbackInfo & call_info) {
                 return progress->value(call_info.Env());
             }));
    return task;
}

}  // namespace ggclip::binding
