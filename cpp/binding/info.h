// What JavaScript is told about a model.
#pragma once

#include "engine/weights/weights.h"

#include <napi.h>

namespace ggclip::binding {

// The hyper-parameters by their public names; a tower that is absent is null.
Napi::Object hparams_value(Napi::Env env, const hparams & hp);

Napi::Object info_value(Napi::Env env, const weights & weights);

}  // namespace ggclip::binding
