// Checks of hyper-parameters that span several fields. Bounds of single fields: engine/hparams-fields.h.
#pragma once

#include "engine/hparams-fields.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip {

// A source's names for the fields checked below.
struct field_names {
    const char *image_size, *patch_size, *vision_width, *vision_heads, *text_width, *text_heads, *resize, *crop;
};

// Checks relations between fields (heads divide width, a patch fits the image, ...). Sets d_head of both towers if it
// is 0, and sets n_position to 0 if it equals the context. Throws CONFIG_INVALID, naming the file.
void check_hparams(hparams & hp, const std::string & path, const field_names & names);

// Two of these alone: of the scores' position bias, which every block adds; and of a tower's convolutional layers
// (check-layers.cpp): each must fit the one before it, the first the picture, and the last the tower. A tower without
// them passes.
void check_buckets(const text_hparams & text, const std::string & path);
void check_layers(const vision_hparams & hp, const std::string & path);

// Removes unrequested towers from `hp`. Throws TOWER_MISSING if none is left.
void want_towers(const read_options & options, const std::string & path, hparams & hp);

}  // namespace ggclip
