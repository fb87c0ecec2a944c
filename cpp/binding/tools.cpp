#include "binding/exports.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "formats/layout/names/enums.h"
#include "kernels/kernels.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>

namespace ggclip::binding {

Napi::Value build(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    Napi::Array kernels = Napi::Array::New(env);
    for (kernels::cpu_level level : kernels::all_levels)
        if (kernels::has_level(level)) kernels.Set(kernels.Length(), kernels::level_name(level));
    Napi::Object out = Napi::Object::New(env);
    out.Set("ggml", ggml_version());
    out.Set("kernels", kernels);
    out.Set("x86_64_v2", kernels::has_x86_64_v2());
    return out;
}

Napi::Value error_codes(const Napi::CallbackInfo & info) {
    Napi::Array out = Napi::Array::New(info.Env());
#define X(name) out.Set(out.Length(), error_code_name(error_code::name));
    GGCLIP_ERROR_CODES(X)
#undef X
    return out;
}

Napi::Value resize(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const image_view pixels = pixels_argument(env, info[0], "pixels");
    const int width = int_argument(env, info[1], "width", 1, 1 << 14);
    const int height = int_argument(env, info[2], "height", 1, 1 << 14);
    interpolation filter = interpolation::bicubic;
    if (!from_string(string_argument(env, info[3], "filter"), filter))
        throw invalid_argument(env, "filter", words_of(filter).c_str());

    auto out = std::make_shared<std::vector<uint8_t>>((size_t) 3 * width * height);
    auto call = std::make_unique<job>(env);
    call->alive.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
    call->work = [pixels, filter, width, height, out] {
        preprocess_scratch scratch;
        resize_to(pixels, width, height, filter, out->data(), scratch);
    };
    call->finish = [out](Napi::Env e) {
        Napi::Uint8Array bytes = Napi::Uint8Array::New(e, out->size());
        memcpy(bytes.Data(), out->data(), out->size());
        return bytes;
    };
    return environment::of(env).start_thread(std::move(call)).promise;
}

Napi::Value detach(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    if (!info[0].IsTypedArray()) throw invalid_argument(env, "view", "a typed array");
    const Napi::TypedArray view = info[0].As<Napi::TypedArray>();
    // a part of a larger buffer cannot be released, nor can memory shared with other threads
    bool detachable = false;
    if (napi_is_arraybuffer(env, view.ArrayBuffer(), &detachable) != napi_ok || !detachable) return env.Undefined();
    if (view.ByteOffset() == 0 && view.ByteLength() == view.ArrayBuffer().ByteLength())
        napi_detach_arraybuffer(env, view.ArrayBuffer());  // refused for memory of WebAssembly: then it stays
    return env.Undefined();
}

Napi::Value exit_within(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const int status = int_argument(env, info[0], "status", 0, 255);
    const int ms = int_argument(env, info[1], "ms", 0, 60'000);
    if (ms == 0) std::_Exit(status);
    try {
        std::thread([status, ms] {
            std::this_thread::sleep_for(std::chrono::milliseconds(ms));
            std::_Exit(status);
        }).detach();
    } catch (const std::system_error &) {
        std::_Exit(status);  // no thread available: exit at once
    }
    return env.Undefined();
}

}  // namespace ggclip::binding
