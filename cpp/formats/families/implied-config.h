// The configuration of weights that have none beside them, as far as their names and shapes imply it.
#pragma once

#include "formats/containers/raw-tensor.h"

#include <string>

namespace ggclip {

struct implied_config {
    std::string hugging_face;     // text of a config.json, or
    std::string open_clip;        // of an open_clip_config.json; both empty: the names are of no known family
    bool any_grid = false;        // the image tower takes pictures of any size, which nothing says
    bool pads_with_zero = false;  // open_clip's padding, in a text tower with transformers' names
};

// `file`: the file's name, which may say what was trained ("clip_g", "ViT-B-32-quickgelu").
implied_config config_of(const tensor_table & table, const std::string & file);

}  // namespace ggclip
