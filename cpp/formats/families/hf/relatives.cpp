#include "formats/families/hf/families.h"

#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <cstring>

namespace ggclip {

namespace {

struct relative {
    const char *type, *base;
};
const relative relatives[] = {
    {"clipseg", "clip"}, {"owlvit", "clip"}, {"owlv2", "clip"}, {"fgclip2", "siglip2"}, {"fgclip", "clip"}};

}  // namespace

std::string base_type(const std::string & type) {
    for (const relative & family : relatives)
        if (type == family.type || begins_with(type, std::string(family.type) + "_"))
            return family.base + type.substr(strlen(family.type));
    return type;
}

void read_owl_vision(const json_ref & config, bool v2, const tensor_table & table, vision_hparams & vision,
                     source_names & names) {
    vision.image_size = (int32_t) config.integer("image_size", 768, 1, limits::max_image);
    vision.patch_size = (int32_t) config.integer("patch_size", v2 ? 16 : 32, 1, limits::max_patch);
    names.pre_layernorm = has_prefix(table, "vision_model.pre_layernorm.");
}

void read_owl_text(const json_ref & config, text_hparams & text) {
    text.n_ctx = (int32_t) config.integer("max_position_embeddings", 16, 1, limits::max_ctx);
    text.eos_id = -1;
}

void note_long_text(const json_ref & config, source_names & names) {
    if (!config.get("longtext_len").exists()) return;
    for (const char * table : {"position_embedding_ori", "position_embedding_res"})
        names.other_paths.push_back(std::string("text_model.embeddings.") + table + ".weight");
}

void take_processor_size(hparams & hp, source_names & names) {
    if (hp.image.crop == hp.vision.image_size) return;
    names.trained_grid = hp.vision.n_grid();
    hp.vision.image_size = hp.image.crop;
}

image_defaults defaults_of(const std::string & type, const json_ref & processor) {
    if (begins_with(type, "owlvit")) return {image_defaults::owlvit};
    if (begins_with(type, "owlv2")) return {image_defaults::owlv2};
    const bool clipseg = begins_with(type, "clipseg");
    if (clipseg || type == "vision-text-dual-encoder") {  // either processor
        const std::string name = processor.string("image_processor_type",
                                                  processor.string("feature_extractor_type", clipseg ? "ViT" : "CLIP"));
        return {begins_with(name, "ViT") ? image_defaults::vit : image_defaults::clip};
    }
    if (begins_with(type, "siglip2") || begins_with(type, "fgclip2")) return {image_defaults::siglip2};
    return {begins_with(type, "siglip")         ? image_defaults::siglip
            : begins_with(type, "chinese_clip") ? image_defaults::chinese_clip
                                                : image_defaults::clip};
}

}  // namespace ggclip
