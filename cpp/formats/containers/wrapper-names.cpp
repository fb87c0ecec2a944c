// Strips the name parts that training tools add by wrapping modules.
#include "formats/containers/raw-tensor.h"

#include "engine/error.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace ggclip {

namespace {

constexpr size_t max_name = 1024;  // bytes
constexpr int max_wrappers = 8;    // nesting depth

// Modules with these names only ever wrap one other module.
const char * const anywhere[] = {"module.", "_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."};

// Names a model may use itself: wrappers only if everything is below them.
const char * const before_all[] = {"model."};

// transformers puts the whole model of two towers below its name, and a task's head beside it (base_model_prefix).
const char * const base_models[] = {"clip.", "owlvit.", "owlv2."};

// Parts that may be wrapped separately.
const char * const parts[] = {"", "visual.", "text.", "vision_model.", "text_model."};

// Counters that wrappers store next to the module.
bool is_counter(const std::string & name) { return name == "n_averaged"; }

std::string without(const std::string & name) {
    std::string out;
    for (size_t at = 0; at < name.size();) {
        const bool component = at == 0 || name[at - 1] == '.';
        const auto found = std::find_if(std::begin(anywhere), std::end(anywhere), [&](const char * wrapper) {
            return component && name.compare(at, strlen(wrapper), wrapper) == 0;
        });
        if (found != std::end(anywhere)) at += strlen(*found);
        else out += name[at++];
    }
    return out;
}

// The wrapper that follows `part` in every name starting with `part`, or null.
const char * common_wrapper(const std::vector<std::string> & names, const std::string & part) {
    for (const char * wrapper : before_all) {
        bool any = false, all = true;
        for (const std::string & name : names) {
            if (name.compare(0, part.size(), part) == 0 && !is_counter(name)) {
                any = true;
                all = all && name.compare(part.size(), strlen(wrapper), wrapper) == 0;
            }
        }
        if (any && all) return wrapper;
    }
    return nullptr;
}

// Whether the two towers stand below `prefix` and nowhere else.
bool holds_towers(const std::vector<std::string> & names, const std::string & prefix) {
    bool below = false, beside = false;
    for (const std::string & name : names) {
        for (const std::string tower : {"vision_model.", "text_model."}) {
            below = below || name.compare(0, prefix.size() + tower.size(), prefix + tower) == 0;
            beside = beside || name.compare(0, tower.size(), tower) == 0;
        }
    }
    return below && !beside;
}

}  // namespace

void check_tensor_name(std::string_view name, const std::string & path) {
    if (name.size() > max_name) {
        throw_error(error_code::FILE_LIMIT, path + ": tensor \"" + std::string(name.substr(0, 200)) +
                                                "...\": expected a name of at most " + std::to_string(max_name) +
                                                " bytes, found " + std::to_string(name.size()));
    }
}

void strip_wrappers(tensor_table & table) {
    std::vector<std::string> names;
    names.reserve(table.tensors.size());
    for (const auto & entry : table.tensors) names.push_back(without(entry.first));
    for (const std::string part : parts) {
        const char * wrapper = common_wrapper(names, part);
        for (int i = 0; wrapper != nullptr && i < max_wrappers; i++) {
            for (std::string & name : names)
                if (name.compare(0, part.size(), part) == 0 && !is_counter(name))
                    name.erase(part.size(), strlen(wrapper));
            wrapper = common_wrapper(names, part);
        }
    }
    for (const std::string prefix : base_models) {
        if (!holds_towers(names, prefix)) continue;
        for (std::string & name : names)
            if (name.compare(0, prefix.size(), prefix) == 0) name.erase(0, prefix.size());
    }
    std::map<std::string, raw_tensor> renamed;
    size_t i = 0;
    for (auto & entry : table.tensors) {
        const std::string & name = names[i++];
        if (name != entry.first) entry.second.file_name = entry.first;
        const auto added = renamed.emplace(name, std::move(entry.second));
        if (!added.second) {
            throw_error(error_code::TENSOR_DUPLICATE, added.first->second.path + ": tensor \"" + entry.first +
                                                          "\": expected once, found as \"" +
                                                          added.first->second.file_name + "\" too");
        }
    }
    table.tensors = std::move(renamed);
}

}  // namespace ggclip
