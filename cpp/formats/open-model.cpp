#include "formats/open-model.h"

#include "engine/error.h"
#include "formats/checkpoint-files.h"
#include "formats/gguf-model.h"
#include "formats/hf-config.h"
#include "formats/limits.h"
#include "formats/mapped-file.h"
#include "formats/measure-tensors.h"
#include "formats/open-clip-config.h"
#include "formats/openai-shapes.h"
#include "formats/tensor-names.h"
#include "formats/torch-file.h"

#include <cmath>
#include <cstring>
#include <filesystem>

namespace ggclip {

namespace {

namespace fs = std::filesystem;

bool is_file(const std::string & path) {
    std::error_code code;
    return fs::is_regular_file(fs::u8path(path), code);
}

bool is_directory(const std::string & path) {
    std::error_code code;
    return fs::is_directory(fs::u8path(path), code);
}

bool ends_with(const std::string & text, const char * tail) {
    const size_t n = strlen(tail);
    return text.size() >= n && text.compare(text.size() - n, n, tail) == 0;
}

// A JSON document with its text's file name. Absent files give an absent value.
struct document {
    std::string path;
    json_value  root;
    bool        found = false;

    document() = default;
    explicit document(const std::string & file) : path(file) {
        if (is_file(file)) {
            const auto map = mapped_file::open(file);
            root = parse_json(std::string_view(reinterpret_cast<const char *>(map->data()), map->size()), file);
            found = true;
        }
    }
    // A file of the tokenizer's: what is wrong with it is told when a text needs it; images do without.
    static document optional(const std::string & file) {
        try {
            return document(file);
        } catch (const error &) {
            return document();
        }
    }
    json_ref ref() const { return json_ref(found ? &root : nullptr, path, ""); }
};

// A tower that the file does not hold is absent, whatever the configuration says; one that it holds in part
// is incomplete and reported tensor by tensor later.
void detect_towers(const tensor_table & table, const std::string & vision, const std::string & text, hparams & hp,
                   const std::string & path) {
    hp.vision.present = hp.vision.present && has_prefix(table, vision);
    hp.text.present = hp.text.present && has_prefix(table, text);
    if (!hp.vision.present && !hp.text.present) {
        throw error(
            error_code::TENSOR_MISSING,
            path + ": expected tensors named " + vision + "* or " + text + "*, found " +
                (table.tensors.empty() ? "no tensor at all" : "\"" + table.tensors.begin()->first + "\" and others"));
    }
}

void read_logit_scalars(const tensor_table & table, const std::string & path, hparams & hp) {
    read_scalar(table, "logit_scale", hp.logit_scale);
    hp.sigmoid = read_scalar(table, "logit_bias", hp.logit_bias) || hp.sigmoid;
    if (std::fabs(hp.logit_scale) > limits::MAX_LOGIT_SCALE) {
        throw error(error_code::CONFIG_INVALID,
                    path + ": tensor logit_scale: expected a natural logarithm of at most " +
                        std::to_string(limits::MAX_LOGIT_SCALE) + ", found " + std::to_string(hp.logit_scale));
    }
}

void finish(const tensor_table & table, const source_names & names, model_source & source) {
    measure_pruning(table, names, source.hp);
    source.hp.n_proj = projection_dim(table, names, source.hp);
    read_logit_scalars(table, source.path, source.hp);
    bind_tensors(table, names, source);
}

model_source open_hf(const std::string & path, const tensor_table & table, const hf_files & files) {
    model_source source;
    source.path = path;
    source.format = table.format;
    source_names names(name_scheme::hf_clip);
    source.hp = read_hf_config(files, table, names);
    detect_towers(table, "vision_model.", names.text_prefix.empty() ? "text_model." : names.text_prefix, source.hp, path);
    finish(table, names, source);
    return source;
}

// config.json of the text tower, where `hf_model_name` is a folder within the checkpoint's.
document text_config(const std::string & folder, const json_ref & open_clip) {
    const json_ref name = open_clip.object("model_cfg").object("text_cfg").get("hf_model_name");
    const bool     within = name.is(json_value::kind_t::string) && fs::u8path(name.value()->text).is_relative() &&
                        name.value()->text.find("..") == std::string::npos;
    return within ? document(folder + "/" + name.value()->text + "/config.json") : document();
}

model_source open_open_clip(const std::string & path, const tensor_table & table, const json_ref & config, const json_ref & beside) {
    const document text_tower = text_config(path, config);
    model_source source;
    source.path = path;
    source.format = table.format;
    source_names names(name_scheme::open_clip);
    source.hp = read_open_clip_config({config, beside, text_tower.ref()}, path, table, names);
    const std::string text = names.text == name_scheme::bert ? names.text_prefix : names.text_prefix + "transformer.";
    detect_towers(table, "visual.", text, source.hp, path);
    finish(table, names, source);
    return source;
}

// transformers 5 writes the image processor into processor_config.json when it saves a whole processor.
json_ref image_processor(const document & preprocessor, const document & processor) {
    return preprocessor.found ? preprocessor.ref() : processor.ref().object("image_processor");
}

// A checkpoint of OpenAI's, which says all in its tensors. Configuration files beside it are another model's.
model_source open_openai(const std::string & path, const tensor_table & table) {
    model_source source;
    source.path = path;
    source.format = table.format;
    source.hp = read_openai_shapes(table, path);
    finish(table, name_scheme::open_clip, source);
    return source;
}

model_source open_directory(const std::string & folder, const std::string & weights) {
    const document config(folder + "/config.json"), open_clip(folder + "/open_clip_config.json");
    const document tokenizer = document::optional(folder + "/tokenizer_config.json");
    const document preprocessor(folder + "/preprocessor_config.json"), processor(folder + "/processor_config.json");
    const bool     hf = config.found && is_hf_config(config.ref());
    if (!hf && !open_clip.found) {
        if (config.found) {
            config.ref().get("model_type").invalid("a string (no open_clip_config.json either)");
        }
        throw error(error_code::FILE_NOT_FOUND,
                    folder + ": expected config.json or open_clip_config.json, found neither");
    }
    tensor_table table;
    if (!weights.empty()) {
        read_weight_file(weights, table);
    } else {
        read_folder_weights(folder, hf ? preference::hugging_face : preference::open_clip, table);
    }
    const bool open_clip_names = has_prefix(table, "visual.") || has_prefix(table, "transformer.resblocks.") ||
                                 has_prefix(table, "text.transformer.");
    if (open_clip.found && (open_clip_names || !hf)) {
        return open_open_clip(folder, table, open_clip.ref(), config.ref());
    }
    return open_hf(folder, table, {config.ref(), image_processor(preprocessor, processor), tokenizer.ref()});
}

}  // namespace

model_source open_model(const std::string & path) {
    if (is_directory(path)) {
        std::string folder = path;
        while (folder.size() > 1 && (folder.back() == '/' || folder.back() == '\\')) {
            folder.pop_back();
        }
        return open_directory(folder, "");
    }
    const auto file = mapped_file::open(path);
    if (file->size() >= 4 && memcmp(file->data(), "GGUF", 4) == 0) {
        return open_gguf(path);
    }
    const bool torch = is_torch_file(file->data(), file->size());
    if (torch || ends_with(path, ".safetensors")) {
        const std::string folder = fs::u8path(path).parent_path().u8string();
        if (torch) {
            tensor_table table;
            read_torch(path, table);
            if (is_openai_checkpoint(table)) {
                return open_openai(folder.empty() ? "." : folder, table);
            }
        }
        return open_directory(folder.empty() ? "." : folder, path);
    }
    if (ends_with(path, ".gguf")) {
        return open_gguf(path);  // says what is wrong with it
    }
    throw error(error_code::FILE_FORMAT,
                path + ": expected a GGUF, safetensors or PyTorch file or a model directory, found neither");
}

}  // namespace ggclip
