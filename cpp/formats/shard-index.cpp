#include "formats/shard-index.h"

#include "engine/error.h"
#include "formats/json.h"
#include "formats/mapped-file.h"

#include <set>

namespace ggclip {

namespace {

constexpr size_t MAX_SHARDS = 1024;
constexpr size_t MAX_INDEX = 32u << 20;  // bytes of an index file

}  // namespace

void read_shards(const std::string & path, tensor_table & table, void (*read)(const std::string &, tensor_table &)) {
    const auto  file = mapped_file::open(path);
    json_limits limits;
    limits.max_bytes = MAX_INDEX;
    const std::string_view text(reinterpret_cast<const char *>(file->data()), file->size());
    const json_value       root = parse_json(text, path, limits);
    const json_ref         map = json_ref(&root, path, "").get("weight_map");
    if (!map.is(json_value::kind_t::object) || map.value()->keys.empty()) {
        map.invalid("an object of tensor names and file names");
    }
    std::set<std::string> shards;
    for (size_t i = 0; i < map.value()->keys.size(); i++) {
        const json_value & shard = map.value()->items[i];
        // a plain file name beside the index: an index must not reach files elsewhere
        const bool plain = shard.kind == json_value::kind_t::string && !shard.text.empty() &&
                           shard.text.find_first_of(std::string("/\\:\0", 4)) == std::string::npos &&
                           shard.text[0] != '.';
        if (!plain) {
            map.get(map.value()->keys[i].c_str()).invalid("the name of a file beside the index");
        }
        shards.insert(shard.text);
    }
    if (shards.size() > MAX_SHARDS) {
        throw error(error_code::FILE_LIMIT, path + ": weight_map: expected at most " + std::to_string(MAX_SHARDS) +
                                                " files, found " + std::to_string(shards.size()));
    }
    const size_t      slash = path.find_last_of("/\\");
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    for (const std::string & shard : shards) {
        read(folder + shard, table);
    }
    for (size_t i = 0; i < map.value()->keys.size(); i++) {
        const std::string & name = map.value()->keys[i];
        const std::string   shard = folder + map.value()->items[i].text;
        const auto          found = table.tensors.find(name);
        if (found == table.tensors.end() || found->second.path != shard) {
            throw error(error_code::TENSOR_MISSING,
                        path + ": tensor \"" + name + "\": expected in " + shard + ", found " +
                            (found == table.tensors.end() ? "nowhere" : "in " + found->second.path));
        }
    }
}

}  // namespace ggclip
