// The checks of hyper-parameters that span several fields. Bounds of one field: engine/hparams-fields.h.
#pragma once

#include "engine/hparams-fields.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip {

// How a source calls the fields that the checks below talk about.
struct field_names {
    const char *image_size, *patch_size, *vision_width, *vision_heads, *text_width, *text_heads, *resize, *crop;
};

// Relations between fields (heads divide width, a patch fits the image, ...); sets d_head of both towers
// where it is 0, and says n_position by 0 where it is the context. Throws CONFIG_INVALID.
void check_hparams(hparams & hp, const std::string & path, const field_names & names);

// Takes the towers that are not wanted from `hp`. Throws TOWER_MISSING when none is left.
void want_towers(const read_options & options, const std::string & path, hparams & hp);

}  // namespace ggclip
