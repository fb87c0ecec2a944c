// inspect(): what a model file is, also when it does not load.
#pragma once

#include <napi.h>

namespace ggclip::binding {

// inspect(path) -> promise
Napi::Value inspect(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
