// The addon's plain functions, registered in addon.cpp; lib/native/contract.ts has their types.
#pragma once

#include "engine/weights/weights.h"

#include <napi.h>

namespace ggclip::binding {

// tools.cpp
Napi::Value build(const Napi::CallbackInfo & info);
Napi::Value error_codes(const Napi::CallbackInfo & info);
Napi::Value resize(const Napi::CallbackInfo & info);  // resize(pixels, width, height, filter) -> Promise<Uint8Array>
Napi::Value detach(
    const Napi::CallbackInfo & info);  // releases the memory under a typed array at once, if it covers all of it
Napi::Value exit_within(
    const Napi::CallbackInfo & info);  // exitWithin(status, ms): by a thread of its own, without destructors or waiting

// convert.cpp: any model ggclip opens -> one GGUF file
Napi::Value convert(
    const Napi::CallbackInfo & info);  // convert(input, output, options) -> { promise, abort, progress }

// inspect.cpp
Napi::Value inspect(const Napi::CallbackInfo & info);  // inspect(path, folders) -> Promise

// search.cpp: kernels/search on threads of its own; both return { promise, abort }
Napi::Value top_k(const Napi::CallbackInfo & info);
Napi::Value similarity_matrix(const Napi::CallbackInfo & info);

// info.cpp: the hyper-parameters by their public names, an absent tower being null; of a loaded model with its weights
Napi::Object hparams_value(Napi::Env env, const hparams & hp);
Napi::Object info_value(Napi::Env env, const weights & w);

}  // namespace ggclip::binding
