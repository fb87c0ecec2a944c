#include "formats/families/open-clip/open-clip.h"

#include <algorithm>
#include <cctype>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

// apple/* on the hub, lower case: their hub configuration omits quick_gelu, open_clip's src/open_clip/pretrained.py
// states it (_apcfg, quick_gelu=True). DFN2B-CLIP-ViT-L-14-39B was trained with the exact GELU.
const char * const quick_gelu[] = {"dfn2b-clip-vit-b-16", "dfn2b-clip-vit-l-14", "dfn5b-clip-vit-h-14",
                                   "dfn5b-clip-vit-h-14-378", "dfn5b-clip-vit-h-14-384"};

bool states_quick_gelu(const json_ref & config, bool & found) {
    const json_ref act = config.get("hidden_act");
    if (!act.is(kind_t::string)) return false;
    found = true;
    return act.value()->text == "quick_gelu";
}

int64_t size_of(const json_ref & config, const char * key, int64_t fallback) {
    const json_ref value = config.get(key);
    return value.is(kind_t::integer) ? value.value()->integer : fallback;
}

// Whether transformers' configuration has the sizes of open_clip's; each with its own library's defaults.
bool is_same_tower(const json_ref & open_clip, const json_ref & hf) {
    return size_of(open_clip, "width", 768) == size_of(hf, "hidden_size", 768) &&
           size_of(open_clip, "layers", 12) == size_of(hf, "num_hidden_layers", 12) &&
           size_of(open_clip, "patch_size", 16) == size_of(hf, "patch_size", 32);
}

// "models--apple--DFN2B-CLIP-ViT-B-16" -> "DFN2B-CLIP-ViT-B-16"
std::string last_name(const std::string & component) {
    const size_t at = component.rfind("--");
    return begins_with(component, "models--") && at != std::string::npos ? component.substr(at + 2) : component;
}

}  // namespace

bool trained_with_quick_gelu(const json_ref & vision_cfg, const json_ref & beside, const std::string & folder) {
    bool found = false;
    const json_ref vision = beside.is(kind_t::object) ? beside.get("vision_config") : json_ref(nullptr, "", "");
    const bool stated =
        vision.is(kind_t::object) && is_same_tower(vision_cfg, vision) && states_quick_gelu(vision, found);
    if (found) return stated;
    std::string component;
    for (const char c : folder + "/") {
        if (c != '/' && c != '\\') {
            component += (char) std::tolower((unsigned char) c);
            continue;
        }
        const std::string name = last_name(component);
        if (std::any_of(std::begin(quick_gelu), std::end(quick_gelu),
                        [&](const char * known) { return name == known; }))
            return true;
        component.clear();
    }
    return false;
}

}  // namespace ggclip
