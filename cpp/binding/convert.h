// convert(): any model ggclip opens -> one GGUF file.
#pragma once

#include <napi.h>

namespace ggclip::binding {

// convert(input, output, options) -> { promise, abort }
Napi::Value convert(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
