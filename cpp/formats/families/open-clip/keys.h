// The keys of a configuration that are understood; any other might change the network.
#pragma once

#include "formats/containers/json.h"

#include <cstring>

namespace ggclip {

// One accepted key. `only`: null = read elsewhere or without effect on inference; otherwise the word (or
// true/false) it must have. A JSON null is accepted everywhere: it is the default of every optional key.
struct known_key {
    const char * name;
    const char * only;
};

template <size_t N>
void check_keys(const json_ref & config, const known_key (&known)[N]) {
    if (!config.exists()) return;
    for (size_t i = 0; i < config.value()->keys.size(); i++) {
        const std::string & key = config.value()->keys[i];
        const json_ref member = config.member(i);
        const known_key * entry = nullptr;
        for (const known_key & candidate : known) entry = key == candidate.name ? &candidate : entry;
        if (!member.exists()) continue;
        if (entry == nullptr) member.unsupported("plain CLIP towers, without this key");
        if (entry->only == nullptr) continue;
        const json_value & value = *member.value();
        const bool same = value.kind == json_value::kind_t::boolean
                              ? strcmp(value.flag ? "true" : "false", entry->only) == 0
                              : value.kind == json_value::kind_t::string && value.text == entry->only;
        if (!same) member.unsupported(entry->only);
    }
}

}  // namespace ggclip
