#include "binding/exports.h"

#include "engine/hparams-fields.h"
#include "formats/layout/names/enums.h"

namespace ggclip::binding {

// Returns the fields that hparams-fields.h lists.
class field_setter {
  public:
    field_setter(Napi::Env env, Napi::Object out) : env_(env), out_(out) {}

    template <class T>
    void operator()(const hparam & field, const T & value, const T &) {
        set(field, value);
    }
    void operator()(const hparam & field, const tower_hparams & tower, int32_t tower_hparams::*most,
                    int32_t block_hparams::*) {
        set(field, tower.*most);
    }
    template <class T>
    void operator()(const hparam & field, const std::vector<conv_layer> & layers, T conv_layer::*) {
        set(field, (double) layers.size());
    }

  private:
    template <class T>
    void set(const hparam & field, const T & value) {
        if (!field.name) return;
        if constexpr (std::is_enum_v<T>) out_.Set(field.name, to_string(value));
        else out_.Set(field.name, value);
    }
    template <class T, size_t N>
    void set(const hparam & field, const std::array<T, N> & values) {
        Napi::Array out = Napi::Array::New(env_, N);
        for (uint32_t i = 0; i < N; i++) out.Set(i, values[i]);
        out_.Set(field.name, out);
    }

    Napi::Env env_;
    Napi::Object out_;
};

Napi::Object hparams_value(Napi::Env env, const hparams & hp) {
    Napi::Object out = Napi::Object::New(env);
    field_setter model(env, out);
    visit_model(hp, model);
    out.Set("vision", env.Null());
    out.Set("text", env.Null());
    if (hp.vision.present) {
        Napi::Object vision = Napi::Object::New(env);
        field_setter fields(env, vision);
        visit_vision(hp, vision_fallback(), fields);
        out.Set("vision", vision);
    }
    if (hp.text.present) {
        Napi::Object text = Napi::Object::New(env);
        field_setter fields(env, text);
        visit_text(hp, text_fallback(), fields);
        out.Set("text", text);
    }
    return out;
}

static Napi::Array devices_value(Napi::Env env, const std::vector<device_info> & devices) {
    Napi::Array out = Napi::Array::New(env);
    for (const device_info & device : devices) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("name", device.name);
        entry.Set("kind", device.kind);
        entry.Set("description", device.description);
        out.Set(out.Length(), entry);
    }
    return out;
}

static Napi::Array modules_value(Napi::Env env, const std::vector<backend_module> & modules) {
    Napi::Array out = Napi::Array::New(env);
    for (const backend_module & module : modules) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("path", module.path);
        entry.Set("problem", module.problem);
        out.Set(out.Length(), entry);
    }
    return out;
}

Napi::Object info_value(Napi::Env env, const weights & w) {
    Napi::Object out = hparams_value(env, w.hp);
    out.Set("path", w.source().path);
    out.Set("format", w.source().format);
    out.Set("device", ggml_backend_dev_name(w.device));
    out.Set("devices", devices_value(env, w.found.all));
    out.Set("backendModules", modules_value(env, w.found.modules));
    out.Set("kernels", w.kernels ? w.kernels->name : "portable");
    Napi::Object types = Napi::Object::New(env);
    for (const auto & [name, count] : w.types) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("tensors", (double) count.n_tensors);
        entry.Set("bytes", (double) count.n_bytes);
        types.Set(name, entry);
    }
    out.Set("types", types);
    out.Set("bytes", (double) (w.n_bytes_vision + w.n_bytes_text));
    if (w.hp.vision.present) {
        Napi::Object vision = out.Get("vision").As<Napi::Object>();
        vision.Set("tokens", w.hp.vision.n_token());
        vision.Set("bytes", (double) w.n_bytes_vision);
    }
    if (w.hp.text.present) out.Get("text").As<Napi::Object>().Set("bytes", (double) w.n_bytes_text);
    return out;
}

}  // namespace ggclip::binding
