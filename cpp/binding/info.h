// What JavaScript is told about a model.
#pragma once

#include "engine/weights/weights.h"

#include <napi.h>

namespace ggclip::binding {

Napi::Object info_value(Napi::Env env, const weights & weights);

}  // namespace ggclip::binding
