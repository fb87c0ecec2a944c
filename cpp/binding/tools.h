// The addon's plain functions: build facts, error codes, resize, detach, exit.
#pragma once

#include <napi.h>

namespace ggclip::binding {

Napi::Value build(const Napi::CallbackInfo & info);
Napi::Value error_codes(const Napi::CallbackInfo & info);
// resize(pixels, width, height, filter) -> Promise<Uint8Array>
Napi::Value resize(const Napi::CallbackInfo & info);
// detach(view): gives the memory under a typed array back at once, where the array covers all of it
Napi::Value detach(const Napi::CallbackInfo & info);
// exitWithin(status, ms): ends the process then, by a thread of its own, without destructors or waiting
Napi::Value exit_within(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
