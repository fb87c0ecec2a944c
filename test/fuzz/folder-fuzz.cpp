// A whole model folder: configurations of every family, tokenizer and preprocessor configurations, shard indices. An
// input is its files one after another, each headed by a line "== NAME"; other names and what stands before the first
// head are left out, so that no input can write elsewhere.
#include "model-target.h"

#include <set>

static const std::set<std::string_view> names = {
    "config.json",
    "open_clip_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "model_index.json",
    "modules.json",
    "model.safetensors",
    "open_clip_model.safetensors",
    "model.safetensors.index.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
};

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz::scratch_folder scratch;
    static const std::string_view head = "\n== ";
    scratch.clear();
    std::string_view rest(reinterpret_cast<const char *>(data), size);
    for (size_t at = rest.find(head); at != std::string_view::npos; at = rest.find(head)) {
        rest.remove_prefix(at + head.size());
        const size_t line = rest.find('\n');
        if (line == std::string_view::npos) break;
        const std::string_view name = rest.substr(0, line);
        rest.remove_prefix(line + 1);
        if (names.count(name)) scratch.write(std::string(name), rest.substr(0, rest.find(head)));
    }
    fuzz::load_and_encode(scratch.path());
    return 0;
}
