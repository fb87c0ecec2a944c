#include "formats/containers/checkpoint-files.h"

#include "engine/error.h"
#include "formats/containers/json.h"

#include <set>

namespace ggclip {

namespace {

constexpr size_t max_shards = 1024;
constexpr size_t max_index = 32u << 20;  // bytes of an index file

// false: a tensor of a tower that is not loaded, judged by its name without prefixes.
bool is_wanted(const std::string & name, const read_options & options) {
    const auto has = [&](const char * part) { return name.find(part) != std::string::npos; };
    const bool vision = has("vision_model.") || has("visual.") || has("visual_projection.");
    const bool text =
        !vision && (has("text_model.") || has("text_projection") || has("text.") || has("transformer.resblocks.") ||
                    has("token_embedding.") || has("positional_embedding") || has("ln_final."));
    const bool both = has("logit_scale") || has("logit_bias");  // what compares one with the other
    return (options.want_vision || !(vision || both)) && (options.want_text || !(text || both));
}

}  // namespace

void read_shards(const std::string & path, const read_options & options, tensor_table & table, weight_reader read) {
    const auto file = model_file::open(path, options.cancelled);
    json_limits limits;
    limits.max_bytes = max_index;
    limits.file = file.get();
    const json_value root = parse_json(file->text(max_index), path, limits);
    const json_ref map = json_ref(&root, path, "").get("weight_map");
    if (!map.is(json_value::kind_t::object) || map.value()->keys.empty())
        map.invalid("an object of tensor names and file names");
    std::set<std::string> shards, wanted;
    for (size_t i = 0; i < map.value()->keys.size(); i++) {
        const json_value & shard = map.value()->items[i];
        // a plain file name beside the index: an index must not reach files elsewhere
        const bool plain = shard.kind == json_value::kind_t::string && !shard.text.empty() &&
                           shard.text.find_first_of(std::string("/\\:\0", 4)) == std::string::npos &&
                           shard.text[0] != '.';
        if (!plain) map.member(i).invalid("the name of a file beside the index");
        shards.insert(shard.text);
        if (is_wanted(map.value()->keys[i], options)) wanted.insert(shard.text);
    }
    if (shards.size() > max_shards) {
        throw_error(error_code::FILE_LIMIT, path + ": weight_map: expected at most " + std::to_string(max_shards) +
                                                " files, found " + std::to_string(shards.size()));
    }
    const size_t slash = path.find_last_of("/\\");
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    for (const std::string & shard : wanted.empty() ? shards : wanted)
        read(model_file::open(folder + shard, options.cancelled), table);
    for (size_t i = 0; i < map.value()->keys.size(); i++) {
        const std::string & name = map.value()->keys[i];
        const std::string shard = folder + map.value()->items[i].text;
        if (!is_wanted(name, options)) continue;
        const auto found = table.tensors.find(name);
        if (found == table.tensors.end() || found->second.path != shard) {
            throw_error(error_code::TENSOR_MISSING,
                        path + ": tensor \"" + name + "\": expected in " + shard + ", found " +
                            (found == table.tensors.end() ? "nowhere" : "in " + found->second.path));
        }
    }
}

}  // namespace ggclip
