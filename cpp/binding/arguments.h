// Argument checks for memory safety. TypeScript has checked meaning already; these make sure that no call, however
// made, can read or write outside a buffer. They throw Napi errors, so they run on the JavaScript thread only.
#pragma once

#include "engine/error.h"
#include "engine/preprocess.h"

#include <napi.h>

#include <string>
#include <vector>

namespace ggclip::binding {

// A JavaScript Error with the code of the C++ error.
Napi::Error to_js_error(Napi::Env env, error_code code, const std::string & message);
Napi::Error invalid_argument(Napi::Env env, const char * name, const char * expected);

Napi::Object object_argument(Napi::Env env, Napi::Value value, const char * name);
std::string string_argument(Napi::Env env, Napi::Value value, const char * name);
int32_t int_argument(Napi::Env env, Napi::Value value, const char * name, int32_t least, int32_t most);
uint64_t size_argument(Napi::Env env, Napi::Value value, const char * name);  // a whole number of at most 2^53 - 1
std::vector<std::string> strings_argument(Napi::Env env, Napi::Value value, const char * name);

// Pointer and length respect the view's byteOffset; the memory remains the JavaScript value's.
template <class T>
struct span {
    const T * data;
    size_t size;
};
span<float> floats_argument(Napi::Env env, Napi::Value value, const char * name);
span<int32_t> ints_argument(Napi::Env env, Napi::Value value, const char * name);
span<uint8_t> bytes_argument(Napi::Env env, Napi::Value value, const char * name);

// { data, width, height, channels }
image_view pixels_argument(Napi::Env env, Napi::Value value, const char * name);

// [r, g, b] or null; null leaves `hp` unchanged.
void background_argument(Napi::Env env, Napi::Value value, image_hparams & hp);

Napi::Float32Array float_array(Napi::Env env, const std::vector<float> & values);

}  // namespace ggclip::binding
