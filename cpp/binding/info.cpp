#include "binding/info.h"

#include "formats/layout/enum-names.h"

namespace ggclip::binding {

static void set_tower(Napi::Object out, const tower_hparams & hp, size_t n_bytes) {
    out.Set("width", hp.n_embd);
    out.Set("layers", hp.n_layer);
    out.Set("heads", hp.n_head);
    out.Set("headDim", hp.d_head);
    out.Set("mlpWidth", hp.n_ff);
    out.Set("activation", to_string(hp.act));
    out.Set("pooling", to_string(hp.pool));
    out.Set("bytes", (double) n_bytes);
    out.Set("projection", hp.has_proj);
}

static Napi::Array numbers(Napi::Env env, const std::array<float, 3> & values) {
    Napi::Array out = Napi::Array::New(env, 3);
    for (uint32_t i = 0; i < 3; i++) out.Set(i, values[i]);
    return out;
}

static Napi::Value vision_value(Napi::Env env, const weights & w) {
    const vision_hparams & hp = w.hp.vision;
    if (!hp.present) return env.Null();
    Napi::Object out = Napi::Object::New(env);
    set_tower(out, hp, w.n_bytes_vision);
    out.Set("imageSize", hp.image_size);
    out.Set("patchSize", hp.patch_size);
    out.Set("tokens", hp.n_token());
    out.Set("anyGrid", hp.any_grid);
    if (hp.any_grid) out.Set("maxPatches", w.hp.image.max_patches);
    out.Set("mean", numbers(env, w.hp.image.mean));
    out.Set("std", numbers(env, w.hp.image.std));
    out.Set("resizeMode", to_string(w.hp.image.mode));
    out.Set("interpolation", to_string(w.hp.image.filter));
    return out;
}

static Napi::Value text_value(Napi::Env env, const weights & w) {
    const text_hparams & hp = w.hp.text;
    if (!hp.present) return env.Null();
    Napi::Object out = Napi::Object::New(env);
    set_tower(out, hp, w.n_bytes_text);
    out.Set("vocabSize", hp.n_vocab);
    out.Set("contextLength", hp.n_ctx);
    out.Set("causal", hp.causal);
    out.Set("seesPadding", hp.sees_padding);
    out.Set("bosId", hp.bos_id);
    out.Set("eosId", hp.eos_id);
    out.Set("padId", hp.pad_id);
    out.Set("cleaning", to_string(hp.cleaning));
    return out;
}

Napi::Object info_value(Napi::Env env, const weights & w) {
    Napi::Object out = Napi::Object::New(env);
    out.Set("name", w.hp.name);
    out.Set("family", w.hp.family);
    out.Set("license", w.hp.license);
    out.Set("source", w.hp.source);
    out.Set("revision", w.hp.revision);
    out.Set("path", w.source().path);
    out.Set("format", w.source().format);
    out.Set("dim", w.hp.n_proj);
    out.Set("logitScale", w.hp.logit_scale);
    out.Set("logitBias", w.hp.logit_bias);
    out.Set("sigmoid", w.hp.sigmoid);
    out.Set("device", ggml_backend_dev_name(w.device));
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
    out.Set("vision", vision_value(env, w));
    out.Set("text", text_value(env, w));
    return out;
}

}  // namespace ggclip::binding
