// Facts about published checkpoints whose own configuration omits them.
#pragma once

#include "formats/containers/json.h"

#include <string>

namespace ggclip {

// For an open_clip_config.json without `quick_gelu`: true when the folder's config.json (or absent) describes the same
// image tower (`vision_cfg`) and states quick_gelu, or the folder's name, or its place in a hub cache, is that of a
// checkpoint trained with it (Apple's DFN). Else false: open_clip's default, the exact GELU.
bool trained_with_quick_gelu(const json_ref & vision_cfg, const json_ref & beside, const std::string & folder);

}  // namespace ggclip
