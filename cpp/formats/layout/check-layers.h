// Checks of the relations between a tower's convolutional layers. Bounds of single fields: engine/hparams-fields.h.
#pragma once

#include "engine/hparams.h"

#include <string>

namespace ggclip {

// Each layer must fit the one before it, the first the picture, and the last the tower. Throws CONFIG_INVALID, naming
// the file. A tower without such layers passes.
void check_layers(const vision_hparams & hp, const std::string & path);

}  // namespace ggclip
