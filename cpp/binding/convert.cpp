#include "binding/convert.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/model-object.h"
#include "engine/type-policy.h"
#include "formats/convert.h"
#include "formats/open-model.h"

namespace ggclip::binding {

static ggml_type type_argument(Napi::Env env, const std::string & name) {
    ggml_type type = GGML_TYPE_COUNT;
    if (!name.empty() && !parse_weight_type(name, &type)) throw invalid_argument(env, "type", "a weight type such as f16 or q8_0");
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

Napi::Value convert(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const std::string input = string_argument(env, info[0], "input"), output = string_argument(env, info[1], "output");
    const Napi::Object object = object_argument(env, info[2], "options");
    const auto text = [&](const char * name) { return string_argument(env, object.Get(name), name); };
    convert_options options;
    options.type = type_argument(env, text("type"));
    options.overrides = overrides_argument(env, object.Get("overrides"));
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

    auto report = std::make_shared<convert_report>();
    auto cancelled = std::make_shared<std::atomic<bool>>(false);
    auto call = std::make_unique<job>(env);
    call->work = [=] {
        model_source source = open_model(input);
        if (!name.empty()) source.hp.name = name;
        if (!license.empty()) source.hp.license = license;
        if (!origin.empty()) source.hp.source = origin;
        if (!revision.empty()) source.hp.revision = revision;
        if (source.hp.text.pad_id < 0 && pad_id < source.hp.text.n_vocab) source.hp.text.pad_id = pad_id;
        *report = ggclip::convert(source, has_tokenizer ? own : source.tokenizer, output, options, nullptr, cancelled.get());
    };
    call->finish = [report](Napi::Env e) {
        Napi::Object types = Napi::Object::New(e);
        for (const auto & [type, n] : report->n_tensors) types.Set(type, (double) n);
        Napi::Object out = Napi::Object::New(e);
        out.Set("bytes", (double) report->n_bytes);
        out.Set("tensors", types);
        return out;
    };
    Napi::Promise promise = environment::of(env).start_thread(std::move(call), [cancelled] { *cancelled = true; });
    return cancellable(env, promise, cancelled);
}

}  // namespace ggclip::binding
