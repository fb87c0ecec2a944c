#include "formats/families/open-clip/open-clip.h"

#include "formats/families/open-clip/keys.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const known_key preprocess_keys[] = {
    {"size", nullptr},
    {"mode", "RGB"},
    {"mean", nullptr},
    {"std", nullptr},
    {"interpolation", nullptr},
    {"resize_mode", nullptr},
    {"fill_color", nullptr},
    // jina-clip's: names of classes
    {"image_processor_type", nullptr},
    {"processor_class", nullptr},
    {"auto_map", nullptr},
    {"feature_extractor_type", nullptr},
};

void read_channels(const json_ref & value, double min, double max, std::array<float, 3> & out) {
    if (!value.exists()) return;
    if (!value.is(kind_t::array) || value.value()->items.size() != 3) value.invalid("an array of 3 numbers");
    for (size_t i = 0; i < 3; i++) out[i] = (float) value.at(i).as_real(min, max);
}

}  // namespace

int32_t read_side(const json_ref & value, int32_t fallback) {
    if (!value.exists()) return fallback;
    if (!value.is(kind_t::array)) return (int32_t) value.as_integer(1, limits::max_image);
    const int64_t first = value.at(0).as_integer(1, limits::max_image);
    if (value.value()->items.size() != 2 || value.at(1).as_integer(1, limits::max_image) != first)
        value.unsupported("square images");
    return (int32_t) first;
}

void read_preprocess(const json_ref & config, int32_t image_size, image_hparams & image) {
    check_keys(config, preprocess_keys);
    image.rounding = crop_rounding::half_even;
    image.resize = image.crop = read_side(config.get("size"), image_size);
    if (!from_string(config.string("resize_mode", "shortest"), image.mode))
        config.get("resize_mode").unsupported(words_of(image.mode));
    if (!from_string(config.string("interpolation", "bicubic"), image.filter))
        config.get("interpolation").unsupported(words_of(image.filter));
    image.fill.fill((uint8_t) config.integer("fill_color", 0, 0, 255));
    read_channels(config.get("mean"), -limits::max_mean, limits::max_mean, image.mean);
    read_channels(config.get("std"), limits::min_std, limits::max_std, image.std);
}

}  // namespace ggclip
