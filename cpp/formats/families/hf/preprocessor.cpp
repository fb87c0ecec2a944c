#include "formats/families/hf/hf.h"

#include "formats/layout/limits.h"

#include <cmath>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

// `size` and `crop_size` come as a number (before transformers 4.24) or as an object.
struct edge {
    int32_t pixels = 0;
    bool square = false;  // {height, width}: exact size; otherwise the shortest edge
};

int32_t read_square(const json_ref & value) {
    const int64_t height = value.get("height").as_integer(1, limits::max_image);
    const int64_t width = value.get("width").as_integer(1, limits::max_image);
    if (height != width) value.get("width").unsupported("square images (width " + std::to_string(height) + ")");
    return (int32_t) height;
}

edge read_edge(const json_ref & value, int32_t fallback, bool number_is_square) {
    if (!value.exists()) return {fallback, number_is_square};
    if (value.is(kind_t::integer)) return {(int32_t) value.as_integer(1, limits::max_image), number_is_square};
    if (!value.is(kind_t::object)) value.invalid("an integer, {shortest_edge} or {height, width}");
    if (value.get("longest_edge").exists()) value.get("longest_edge").unsupported("shortest_edge alone");
    if (value.get("shortest_edge").exists())
        return {(int32_t) value.get("shortest_edge").as_integer(1, limits::max_image), false};
    return {read_square(value), true};
}

interpolation read_filter(const json_ref & value, interpolation fallback) {
    if (!value.exists()) return fallback;
    switch (value.as_integer(0, 5)) {  // PIL.Image.Resampling
        case 0: return interpolation::nearest;
        case 2: return interpolation::bilinear;
        case 3: return interpolation::bicubic;
        default: value.unsupported("0 (nearest), 2 (bilinear) and 3 (bicubic)");
    }
}

void read_channels(const json_ref & value, double min, double max, std::array<float, 3> & out) {
    if (!value.exists()) return;
    const bool three = value.is(kind_t::array) && value.value()->items.size() == 3;
    if (!three) value.invalid("an array of 3 numbers");
    for (size_t i = 0; i < 3; i++) out[i] = (float) value.at(i).as_real(min, max);
}

// Siglip2ImageProcessor: as many whole patches as the limit allows.
void read_patches(const json_ref & config, const vision_hparams & vision, image_hparams & image) {
    image.mode = resize_mode::patches;
    image.patch = (int32_t) config.integer("patch_size", 16, 1, limits::max_patch);
    image.max_patches = (int32_t) config.integer("max_num_patches", 256, 1, limits::max_tokens);
    image.resize = image.crop = vision.image_size;
    if (image.patch != vision.patch_size)
        config.get("patch_size").invalid("the tower's patch size (" + std::to_string(vision.patch_size) + ")");
}

void read_size(const json_ref & config, image_defaults defaults, int32_t image_size, image_hparams & image) {
    const bool chinese = defaults.kind == image_defaults::chinese_clip,
               cropped = chinese || defaults.kind == image_defaults::clip || defaults.kind == image_defaults::dinov2;
    const edge size = read_edge(config.get("size"), image_size, /*number_is_square=*/!cropped);
    // CLIPImageProcessor and BitImageProcessor (DINOv2) crop unless told otherwise, the other families' do not.
    // Chinese-CLIP was trained on pictures squashed to the square (cn_clip/clip/utils.py, image_transform), and its
    // files switch the crop off.
    const bool crops = config.boolean("do_center_crop", cropped && !(chinese && !config.exists()));
    const edge crop = crops ? read_edge(config.get("crop_size"), image_size, true) : size;
    if (!crops && !size.square && !chinese)
        config.get("do_center_crop").unsupported("a centre crop with size {shortest_edge} (true)");
    image.mode = size.square || !crops ? resize_mode::squash : resize_mode::shortest;
    image.resize = size.pixels;
    image.crop = crop.pixels;
    if (crop.pixels > size.pixels)
        config.get("crop_size").unsupported("a crop of at most `size` (" + std::to_string(size.pixels) + ")");
}

}  // namespace

void read_hf_preprocessor(const json_ref & config, image_defaults defaults, const vision_hparams & vision,
                          image_hparams & image) {
    const bool siglip2 = defaults.kind == image_defaults::siglip2, vit = defaults.kind == image_defaults::vit;
    image.rounding = crop_rounding::floor;
    if (siglip2 || vit || defaults.kind == image_defaults::siglip)
        image.mean = image.std = {0.5f, 0.5f, 0.5f};  // SiglipImageProcessor, ViTImageProcessor
    const bool dino = defaults.kind == image_defaults::dinov2 || defaults.kind == image_defaults::dinov3;
    if (dino) {  // IMAGENET_DEFAULT_MEAN and _STD
        image.mean = {0.485f, 0.456f, 0.406f};
        image.std = {0.229f, 0.224f, 0.225f};
    }
    const bool tips = defaults.kind == image_defaults::tips;
    const bool bilinear = siglip2 || vit || tips || defaults.kind == image_defaults::dinov3;
    if (!config.boolean("do_resize", true)) config.get("do_resize").unsupported("processors that resize (true)");
    if (!config.boolean("do_rescale", true))
        config.get("do_rescale").unsupported("processors that rescale by 1/255 (true)");
    if (std::fabs(config.real("rescale_factor", 1.0 / 255, -1e9, 1e9) - 1.0 / 255) > 1e-6)
        config.get("rescale_factor").unsupported("1/255");
    image.filter = read_filter(config.get("resample"), bilinear ? interpolation::bilinear : interpolation::bicubic);
    if (siglip2 && vision.any_grid) read_patches(config, vision, image);
    else read_size(config, defaults, vision.image_size, image);
    // Owlv2ImageProcessor pads at the bottom and the right, blurs and then interpolates between floats
    if (defaults.kind == image_defaults::owlv2) image.mode = resize_mode::none;
    if (!config.boolean("do_normalize", !tips)) {
        image.mean = {0.0f, 0.0f, 0.0f};
        image.std = {1.0f, 1.0f, 1.0f};
        return;
    }
    read_channels(config.get("image_mean"), -limits::max_mean, limits::max_mean, image.mean);
    read_channels(config.get("image_std"), limits::min_std, limits::max_std, image.std);
}

}  // namespace ggclip
