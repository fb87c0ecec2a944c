// The addon's plain functions: build facts, error codes, resize.
#pragma once

#include <napi.h>

namespace ggclip::binding {

Napi::Value build(const Napi::CallbackInfo & info);
Napi::Value error_codes(const Napi::CallbackInfo & info);
// resize(pixels, width, height, filter) -> Promise<Uint8Array>
Napi::Value resize(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
