#include "formats/families/timm/timm.h"

#include "formats/families/open-clip/keys.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

// Arguments that the tensors tell as well, or that change nothing in inference.
const known_key arguments[] = {{"num_classes", nullptr},   {"img_size", nullptr},  {"in_chans", nullptr},
                               {"global_pool", nullptr},   {"embed_dim", nullptr}, {"embed_dims", nullptr},
                               {"depth", nullptr},         {"depths", nullptr},    {"dims", nullptr},
                               {"layers", nullptr},        {"num_heads", nullptr}, {"drop_rate", nullptr},
                               {"drop_path_rate", nullptr}};

json_value text_value(const std::string & text) {
    json_value out;
    out.kind = kind_t::string;
    out.text = text;
    return out;
}

json_value integer_value(int64_t integer) {
    json_value out;
    out.kind = kind_t::integer;
    out.integer = integer;
    out.real = (double) integer;
    return out;
}

json_value object_value(const std::vector<std::pair<std::string, json_value>> & members) {
    json_value out;
    out.kind = kind_t::object;
    for (const auto & [key, value] : members) {
        out.keys.push_back(key);
        out.items.push_back(value);
    }
    return out;
}

// [channels, height, width]
int32_t input_side(const json_ref & data) {
    const json_ref size = data.get("input_size");
    if (!size.exists()) return 224;
    if (!size.is(kind_t::array) || size.value()->items.size() != 3) size.invalid("an array of 3 integers");
    if (size.at(0).as_integer(1, limits::max_image) != 3) size.unsupported("3 channels");
    const int64_t side = size.at(1).as_integer(1, limits::max_image);
    if (size.at(2).as_integer(1, limits::max_image) != side) size.unsupported("square images");
    return (int32_t) side;
}

// How pictures are prepared; older files have it at the top.
json_ref data_config(const json_ref & config) {
    return config.get("pretrained_cfg").exists() ? config.object("pretrained_cfg") : config;
}

// timm/data/transforms_factory.py
double crop_part(const json_ref & data) { return data.real("crop_pct", 0.875, 0.1, 1); }

// A vector for each picture, not scores of classes: ImageNet's 1k, 12k and its two sets of 21k.
int64_t shared_width(const json_ref & config) {
    const int64_t n = config.integer("num_classes", 0, 0, 1 << 20);
    for (const int64_t classes : {1000, 11821, 21841, 21843})
        if (n == classes || n > limits::max_proj)
            config.get("num_classes").unsupported("0 or the width of CLIP's vectors, no classifier");
    return n;
}

// As saved, or else as the tensors say.
std::string pooling_of(const json_ref & config, const tensor_table & table) {
    const std::string fallback = has_prefix(table, "attn_pool.")                                         ? "map"
                                 : has_tensor(table, "cls_token") || has_tensor(table, "head.pos_embed") ? "token"
                                                                                                         : "avg";
    return config.string("global_pool", fallback);
}

}  // namespace

bool is_timm_config(const json_ref & config) {
    return config.is(kind_t::object) && config.get("architecture").is(kind_t::string) &&
           !config.get("model_type").exists();
}

json_value open_clip_config_of_timm(const json_ref & config, const tensor_table & table) {
    const json_ref data = data_config(config), given = config.object("model_args");
    if (given.exists()) check_keys(given, arguments);
    const int64_t n_proj = shared_width(config);
    const std::string mode = data.string("crop_mode", "center");
    const bool squash = mode == "squash" && crop_part(data) == 1;
    if (mode != "center" && !squash) data.get("crop_mode").unsupported("\"center\", and \"squash\" with crop_pct 1");
    json_value vision = object_value({{"timm_model_name", *config.get("architecture").value()},
                                      {"timm_pool", text_value(pooling_of(config, table))},
                                      {"timm_proj", text_value(n_proj > 0 ? "" : "none")},
                                      {"image_size", integer_value(input_side(data))}});
    if (given.exists() && given.get("num_heads").exists()) {
        vision.keys.push_back("timm_model_kwargs");
        vision.items.push_back(object_value({{"num_heads", *given.get("num_heads").value()}}));
    }
    std::vector<std::pair<std::string, json_value>> processing = {
        {"resize_mode", text_value(squash ? "squash" : "shortest")}};
    for (const char * key : {"mean", "std", "interpolation"})
        if (data.get(key).exists()) processing.emplace_back(key, *data.get(key).value());
    const json_value model = object_value({{"embed_dim", integer_value(std::max<int64_t>(1, n_proj))},
                                           {"vision_cfg", vision},
                                           {"text_cfg", object_value({})}});
    return object_value({{"model_cfg", model}, {"preprocess_cfg", object_value(processing)}});
}

tensor_table with_trunk_names(const tensor_table & table) {
    tensor_table out = table;
    out.tensors.clear();
    for (const auto & [name, tensor] : table.tensors) {
        raw_tensor & renamed = out.tensors["visual.trunk." + name] = tensor;
        if (renamed.file_name.empty()) renamed.file_name = name;
    }
    return out;
}

void finish_timm_alone(const json_ref & config, hparams & hp) {
    hp.image.resize = (int32_t) std::floor(hp.image.crop / crop_part(data_config(config)));
    // SigLIP's attention gives its vector
    hp.vision.pooled_output = !hp.vision.has_proj && hp.vision.pool != pooling::attention;
}

}  // namespace ggclip
