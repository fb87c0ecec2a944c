#include "binding/arguments.h"

#include <cstring>

namespace ggclip::binding {

Napi::Error to_js_error(Napi::Env env, error_code code, const std::string & message) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, error_code_name(code)));
    return error;
}

Napi::Error invalid_argument(Napi::Env env, const char * name, const char * expected) {
    Napi::TypeError error = Napi::TypeError::New(env, std::string(name) + ": expected " + expected);
    error.Set("code", Napi::String::New(env, error_code_name(error_code::INVALID_ARGUMENT)));
    return error;
}

Napi::Object object_argument(Napi::Env env, Napi::Value value, const char * name) {
    if (!value.IsObject()) throw invalid_argument(env, name, "an object");
    return value.As<Napi::Object>();
}

std::string string_argument(Napi::Env env, Napi::Value value, const char * name) {
    if (!value.IsString()) throw invalid_argument(env, name, "a string");
    return value.As<Napi::String>().Utf8Value();
}

int32_t int_argument(Napi::Env env, Napi::Value value, const char * name, int32_t least, int32_t most) {
    if (!value.IsNumber()) throw invalid_argument(env, name, "a number");
    const double number = value.As<Napi::Number>().DoubleValue();
    if (!(number >= least && number <= most) || number != (double) (int32_t) number) {
        throw invalid_argument(env, name,
                               ("an integer from " + std::to_string(least) + " to " + std::to_string(most)).c_str());
    }
    return (int32_t) number;
}

uint64_t size_argument(Napi::Env env, Napi::Value value, const char * name) {
    constexpr double most = 9007199254740991;  // 2^53 - 1
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(number >= 0 && number <= most) || number != (double) (uint64_t) number)
        throw invalid_argument(env, name, "a whole number of at most 2^53 - 1");
    return (uint64_t) number;
}

std::vector<std::string> strings_argument(Napi::Env env, Napi::Value value, const char * name) {
    if (!value.IsArray()) throw invalid_argument(env, name, "an array of strings");
    const Napi::Array array = value.As<Napi::Array>();
    std::vector<std::string> out;
    for (uint32_t i = 0; i < array.Length(); i++) out.push_back(string_argument(env, array.Get(i), name));
    return out;
}

static Napi::TypedArray typed_array(Napi::Env env, Napi::Value value, const char * name, napi_typedarray_type type,
                                    const char * expected) {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type)
        throw invalid_argument(env, name, expected);
    return value.As<Napi::TypedArray>();
}

template <class T>
static span<T> span_of(const Napi::TypedArray & array) {
    const auto * base = static_cast<const uint8_t *>(array.ArrayBuffer().Data());
    return {reinterpret_cast<const T *>(base + array.ByteOffset()), array.ElementLength()};
}

span<float> floats_argument(Napi::Env env, Napi::Value value, const char * name) {
    return span_of<float>(typed_array(env, value, name, napi_float32_array, "a Float32Array"));
}

span<int32_t> ints_argument(Napi::Env env, Napi::Value value, const char * name) {
    return span_of<int32_t>(typed_array(env, value, name, napi_int32_array, "an Int32Array"));
}

span<uint8_t> bytes_argument(Napi::Env env, Napi::Value value, const char * name) {
    return span_of<uint8_t>(typed_array(env, value, name, napi_uint8_array, "a Uint8Array"));
}

image_view pixels_argument(Napi::Env env, Napi::Value value, const char * name) {
    const Napi::Object object = object_argument(env, value, name);
    const span<uint8_t> data = bytes_argument(env, object.Get("data"), name);
    const int32_t width = int_argument(env, object.Get("width"), "width", 1, max_image_edge);
    const int32_t height = int_argument(env, object.Get("height"), "height", 1, max_image_edge);
    const int32_t channels = int_argument(env, object.Get("channels"), "channels", 1, 4);
    try {
        return make_image_view(data.data, data.size, width, height, channels);
    } catch (const error & e) {
        throw to_js_error(env, e.code(), e.what());
    }
}

void background_argument(Napi::Env env, Napi::Value value, image_hparams & hp) {
    if (value.IsNull() || value.IsUndefined()) return;
    if (!value.IsArray() || value.As<Napi::Array>().Length() != 3)
        throw invalid_argument(env, "background", "[r, g, b]");
    for (uint32_t i = 0; i < 3; i++)
        hp.background[i] = (uint8_t) int_argument(env, value.As<Napi::Array>().Get(i), "background", 0, 255);
}

Napi::Float32Array float_array(Napi::Env env, const std::vector<float> & values) {
    Napi::Float32Array out = Napi::Float32Array::New(env, values.size());
    if (!values.empty()) memcpy(out.Data(), values.data(), values.size() * sizeof(float));
    return out;
}

}  // namespace ggclip::binding
