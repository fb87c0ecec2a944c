// Caps on what a model file may ask for, and the checks that span several fields.
// They are far above every published model and low enough that no product overflows 63 bits.
#pragma once

#include "engine/hparams.h"
#include "formats/read-options.h"

#include <string>

namespace ggclip::limits {

constexpr int64_t MAX_WIDTH = 16384;
constexpr int64_t MAX_LAYERS = 256;
constexpr int64_t MAX_HEADS = 1024;
constexpr int64_t MAX_FF = 131072;
constexpr int64_t MAX_PROJ = 16384;
constexpr int64_t MAX_VOCAB = 1 << 22;
constexpr int64_t MAX_CTX = 8192;
constexpr int64_t MAX_IMAGE = 4096;    // pixels of a side
constexpr int64_t MAX_PATCH = 512;
constexpr int64_t MAX_TOKENS = 16384;  // of the image tower
constexpr double  MIN_EPS = 1e-13, MAX_EPS = 0.1;
constexpr double  MAX_MEAN = 10, MIN_STD = 1e-4, MAX_STD = 10;
constexpr double  MAX_LOGIT_SCALE = 80;  // natural log; exp of more leaves the range of float

}  // namespace ggclip::limits

namespace ggclip {

// How a source calls the fields that the checks below talk about.
struct field_names {
    const char *image_size, *patch_size, *vision_width, *vision_heads, *text_width, *text_heads, *resize, *crop;
};

// Relations between fields (heads divide width, a patch fits the image, ...); sets d_head of both towers
// where it is 0. Throws CONFIG_INVALID.
void check_hparams(hparams & hp, const std::string & path, const field_names & names);

// Takes the towers that are not wanted from `hp`. Throws TOWER_MISSING when none is left.
void want_towers(const read_options & options, const std::string & path, hparams & hp);

}  // namespace ggclip
