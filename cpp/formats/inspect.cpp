#include "formats/inspect.h"

#include "engine/weights/block-rows.h"
#include "formats/containers/checkpoint-files.h"
#include "formats/containers/gguf-reader.h"
#include "formats/containers/json.h"
#include "formats/open-model.h"
#include "formats/layout/bind-tensors.h"
#include "formats/containers/torch/torch-file.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

namespace ggclip {

namespace {

namespace fs = std::filesystem;

constexpr size_t max_text = 200, max_config_keys = 4096;

std::string shorten(const std::string & text) {
    if (text.size() <= max_text) return text;
    size_t end = max_text;
    while (end > 0 && ((uint8_t) text[end] & 0xc0) == 0x80) end--;  // not within a character
    return text.substr(0, end) + "...";
}

template <typename T>
T read(const gguf_value & value) {
    T out;
    memcpy(&out, value.data, sizeof(T));
    return out;
}

// Short lists of numbers are spelt out.
std::string array_text(const gguf_value & value) {
    if (value.item != gguf_kind::f32 || value.count > 8)
        return std::to_string(value.count) + " of " + to_string(value.item);
    std::string text;
    for (uint64_t i = 0; i < value.count; i++) {
        float item;
        memcpy(&item, value.data + 4 * i, sizeof(item));
        text += (i ? ", " : "") + number_text((double) item);
    }
    return "[" + text + "]";
}

std::string text_of(const gguf_value & value) {
    switch (value.kind) {
        case gguf_kind::u8: return std::to_string(read<uint8_t>(value));
        case gguf_kind::i8: return std::to_string(read<int8_t>(value));
        case gguf_kind::u16: return std::to_string(read<uint16_t>(value));
        case gguf_kind::i16: return std::to_string(read<int16_t>(value));
        case gguf_kind::u32: return std::to_string(read<uint32_t>(value));
        case gguf_kind::i32: return std::to_string(read<int32_t>(value));
        case gguf_kind::u64: return std::to_string(read<uint64_t>(value));
        case gguf_kind::i64: return std::to_string(read<int64_t>(value));
        case gguf_kind::f32: return number_text((double) read<float>(value));
        case gguf_kind::f64: return number_text(read<double>(value));
        case gguf_kind::boolean: return read<uint8_t>(value) ? "true" : "false";
        case gguf_kind::string:
            return shorten(std::string(reinterpret_cast<const char *>(value.data),
                                       (size_t) std::min<uint64_t>(value.count, 4 * max_text)));
        case gguf_kind::array: return array_text(value);
    }
    return "";
}

class inspector {
  public:
    inspector(const std::string & path, const read_options & options) : options_(options) { out_.path = path; }

    inspection run() {
        std::error_code code;
        const fs::path where = fs::u8path(out_.path);
        if (fs::is_directory(where, code)) folder();
        else file();
        load();
        out_.family = guess_family(out_.tensors, out_.keys);
        return std::move(out_);
    }

  private:
    template <typename Work>
    void attempt(Work work) {
        try {
            work();
        } catch (const tensor_errors & errors) {
            for (const tensor_errors::entry & entry : errors.all) {
                problem(entry.what);
                if (entry.what.code() == error_code::TENSOR_MISSING) out_.missing.push_back(entry.tensor);
            }
        } catch (const error & failure) {
            if (failure.code() == error_code::ABORTED) throw;
            problem(failure);
        }
    }

    void problem(const error & failure) {
        if (said_.insert(failure.what()).second)  // reading and loading find the same
            out_.problems.push_back(failure);
    }

    void add_files() {
        std::set<std::string> paths;
        for (const auto & entry : out_.tensors.tensors) paths.insert(entry.second.path);
        for (const std::string & path : paths)
            if (std::find(out_.files.begin(), out_.files.end(), path) == out_.files.end()) out_.files.push_back(path);
    }

    void folder() {
        while (out_.path.size() > 1 && (out_.path.back() == '/' || out_.path.back() == '\\')) out_.path.pop_back();
        const bool hf = configuration(out_.path + "/config.json");
        const bool open_clip = configuration(out_.path + "/open_clip_config.json");
        configuration((options_.processor_folder.empty() ? out_.path : options_.processor_folder) +
                      "/preprocessor_config.json");
        out_.format = "unknown";
        attempt([&] {
            const auto library = open_clip && !hf ? preference::open_clip : preference::hugging_face;
            read_folder_weights(out_.path, library, options_, out_.tensors);
        });
        if (!out_.tensors.tensors.empty()) out_.format = out_.tensors.format;
        add_files();
    }

    void file() {
        std::shared_ptr<const model_file> file;
        out_.format = "unknown";
        try {
            file = model_file::open(out_.path, options_.cancelled);
        } catch (const error & failure) {
            if (failure.code() == error_code::FILE_NOT_FOUND) throw;
            problem(failure);  // empty, or another thing in its place
            return;
        }
        out_.files.push_back(out_.path);
        const std::string head = file->head(torch_head);
        if (begins_with(head, "GGUF")) {
            gguf(file);
            return;
        }
        const bool torch = is_torch_file(head);
        // a header that looks like one; loading reports what was expected of other files
        const bool safetensors = head.size() > 8 && head[8] == '{';
        if (torch || safetensors) attempt([&] { read_weight_file(file, out_.tensors); });
        out_.format = torch ? "torch" : safetensors ? "safetensors" : "unknown";
        const std::string folder = fs::u8path(out_.path).parent_path().u8string();
        for (const char * name : {"config.json", "open_clip_config.json", "preprocessor_config.json"})
            configuration((folder.empty() ? "." : folder) + "/" + name);
    }

    void gguf(const std::shared_ptr<const model_file> & bytes) {
        out_.format = "gguf";
        std::unique_ptr<error> failure;
        const gguf_file file(bytes, failure);
        if (failure && failure->code() == error_code::ABORTED) throw error(*failure);
        if (failure) problem(*failure);
        for (const auto & [name, value] : file.values())
            out_.keys.push_back({name, to_string(value.kind), text_of(value)});
        out_.tensors = file.tensors();
    }

    bool configuration(const std::string & path) {
        std::error_code code;
        if (!fs::is_regular_file(fs::u8path(path), code)) return false;
        out_.files.push_back(path);
        attempt([&] {
            const auto file = model_file::open(path, options_.cancelled);
            json_limits limits;
            limits.file = file.get();
            flatten(parse_json(file->text(limits.max_bytes), path, limits), "");
        });
        return true;
    }

    void flatten(const json_value & value, const std::string & name) {
        using kind_t = json_value::kind_t;
        if (out_.keys.size() >= max_config_keys) return;
        if (value.kind == kind_t::object) {
            for (size_t i = 0; i < value.keys.size(); i++)
                flatten(value.items[i], name.empty() ? value.keys[i] : name + "." + value.keys[i]);
            return;
        }
        static const char * const kinds[] = {"null", "boolean", "integer", "real", "string", "array", "object"};
        const std::string text = value.kind == kind_t::string    ? shorten(value.text)
                                 : value.kind == kind_t::boolean ? (value.flag ? "true" : "false")
                                 : value.kind == kind_t::integer ? std::to_string(value.integer)
                                 : value.kind == kind_t::real    ? number_text(value.real)
                                 : value.kind == kind_t::array   ? std::to_string(value.items.size()) + " items"
                                                                 : "null";
        out_.keys.push_back({name, kinds[(size_t) value.kind], text});
    }

    void load() {
        attempt([&] {
            const model_source source = open_model(out_.path, options_);
            source.check_unchanged();
            out_.is_loadable = true;
            out_.hp = source.hp;
            out_.ignored = source.ignored;
            // without the zeros that fill the rows of quantised matrices
            for (const source_tensor & tensor : source.tensors) {
                const auto found = out_.tensors.tensors.find(tensor.origin);
                if (found != out_.tensors.tensors.end() && ggml_is_quantized(tensor.type))
                    found->second.ne[0] = tensor.ne[0];
            }
        });
        out_.loads_vision = out_.is_loadable ? out_.hp.vision.present : loads_alone(true);
        out_.loads_text = out_.is_loadable ? out_.hp.text.present : loads_alone(false);
    }

    // Whether one tower loads without the other.
    bool loads_alone(bool vision) const {
        if (out_.tensors.tensors.empty()) return false;  // nothing could be read: nor can it be a second time
        read_options one = options_;
        one.want_vision = vision;
        one.want_text = !vision;
        try {
            open_model(out_.path, one).check_unchanged();
            return true;
        } catch (const error & failure) {
            if (failure.code() == error_code::ABORTED) throw;
            return false;
        }
    }

    const read_options & options_;
    inspection out_;
    std::set<std::string> said_;
};

}  // namespace

inspection inspect_model(const std::string & path, const read_options & options) {
    inspection found = inspector(path, options).run();
    for (auto & entry : found.tensors.tensors) entry.second.bytes.reset();  // what was found out needs no open files
    found.tensors.files.clear();
    return found;
}

}  // namespace ggclip
