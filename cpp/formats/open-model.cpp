#include "formats/open-model.h"

#include "engine/error.h"
#include "formats/containers/checkpoint-files.h"
#include "formats/families/gguf-model.h"
#include "formats/families/hf/hf.h"
#include "formats/families/implied-config.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"
#include "formats/layout/merged-adapters.h"
#include "formats/layout/position-table.h"
#include "formats/layout/bind-tensors.h"
#include "formats/families/open-clip/open-clip.h"
#include "formats/families/openai-shapes.h"
#include "formats/families/hf/sentence-transformers.h"
#include "formats/families/timm/timm.h"
#include "formats/containers/torch/torch-file.h"

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

// A JSON document with its text's file name. A missing file is an absent value.
struct document {
    std::string path;
    json_value root;
    bool found = false;

    document() = default;
    document(const std::string & path_to_file, const read_options & options) : path(path_to_file) {
        if (is_file(path)) {
            const auto file = model_file::open(path, options.cancelled);
            json_limits limits;
            limits.file = file.get();
            root = parse_json(file->text(limits.max_bytes), path, limits);
            found = true;
        }
    }
    // OpenCLIP's model_cfg saved as config.json, as ViTamin's authors have it: within what open_clip_config.json adds.
    // Absent if the document is anything else.
    document as_open_clip() const {
        document out;
        out.path = path;
        const json_ref config = ref();
        if (!found || !config.is(json_value::kind_t::object)) return out;
        const auto has = [&](const char * key) { return config.get(key).is(json_value::kind_t::object); };
        if (config.get("model_type").exists() || !has("vision_cfg") || !has("text_cfg")) return out;
        out.root.kind = json_value::kind_t::object;
        out.root.keys = {"model_cfg"};
        out.root.items = {root};
        out.found = true;
        return out;
    }
    // A file of the tokenizer's: its errors are reported when a text needs it; images do not.
    static document optional(const std::string & file, const read_options & options) {
        try {
            return document(file, options);
        } catch (const error & failure) {
            if (failure.code() == error_code::ABORTED) throw;
            return document();
        }
    }
    json_ref ref() const { return json_ref(found ? &root : nullptr, path, ""); }
};

// A tower that the file does not hold is absent, whatever the configuration says; one that it holds in part
// is incomplete and reported tensor by tensor later.
void detect_towers(const tensor_table & table, const std::string & vision, const std::string & text,
                   const read_options & options, hparams & hp, const std::string & path) {
    const bool has_vision = has_prefix(table, vision), has_text = has_prefix(table, text);
    hp.vision.present = hp.vision.present && has_vision;
    hp.text.present = hp.text.present && has_text;
    if (!hp.vision.present && !hp.text.present) {
        if (has_vision || has_text) want_towers(options, path, hp);  // says which one is missing
        throw_error(
            error_code::TENSOR_MISSING,
            path + ": expected tensors named " + vision + "* or " + text + "*, found " +
                (table.tensors.empty() ? "no tensor at all" : "\"" + table.tensors.begin()->first + "\" and others"));
    }
}

void read_logit_scalars(const tensor_table & table, const std::string & path, hparams & hp) {
    read_scalar(table, "logit_scale", hp.logit_scale);
    hp.sigmoid = read_scalar(table, "logit_bias", hp.logit_bias) || hp.sigmoid;
    if (std::fabs(hp.logit_scale) > limits::max_logit_scale) {
        throw_error(error_code::CONFIG_INVALID,
                    path + ": tensor logit_scale: expected a natural logarithm of at most " +
                        std::to_string(limits::max_logit_scale) + ", found " + std::to_string(hp.logit_scale));
    }
}

void finish(const tensor_table & table, const source_names & names, model_source & source) {
    if (names.computes_positions && source.hp.text.present) {
        source_names rest = names;
        rest.computes_positions = false;
        return finish(with_sinusoidal_positions(table, names, source.hp), rest, source);
    }
    measure_pruning(table, names, source.hp);
    check_buckets(source.hp.text, source.path);
    source.hp.n_proj = projection_dim(table, names, source.hp);
    read_logit_scalars(table, source.path, source.hp);
    bind_tensors(table, names, source);
}

model_source open_hf(const std::string & path, const tensor_table & table, const hf_files & files,
                     const read_options & options) {
    model_source source;
    source.path = path;
    source.format = table.format;
    source_names names(name_scheme::hf_clip);
    source.hp = read_hf_config(files, options, table, names);
    const bool bert = names.text == name_scheme::bert;
    const std::string text = bert ? names.text_prefix + (names.text_prefix.empty() ? "embeddings.word_embeddings." : "")
                             : !names.text_begin.empty() ? names.text_begin
                             : names.text_flat           ? "embeddings.token_embedding."
                                                         : "text_model.";
    const std::string vision = !names.vision_begin.empty() ? names.vision_begin
                               : names.vision_flat         ? "embeddings.patch_embedding."
                                                           : "vision_model.";
    detect_towers(table, vision, text, options, source.hp, path);
    if (names.adapter.n_task > 0) finish(with_merged_adapters(table, names.text_prefix, names.adapter), names, source);
    else if (names.trained_grid > 0) finish(with_resized_positions(table, names, source.hp), names, source);
    else finish(table, names, source);
    return source;
}

// config.json of the text tower, if `hf_model_name` is a folder within the checkpoint's.
document text_config(const std::string & folder, const json_ref & open_clip, const read_options & options) {
    if (!options.want_text) return document();
    const json_ref name = open_clip.object("model_cfg").object("text_cfg").get("hf_model_name");
    const bool within = name.is(json_value::kind_t::string) && fs::u8path(name.value()->text).is_relative() &&
                        name.value()->text.find("..") == std::string::npos;
    return within ? document(folder + "/" + name.value()->text + "/config.json", options) : document();
}

model_source open_open_clip(const std::string & path, const tensor_table & table, const json_ref & config,
                            const json_ref & beside, const read_options & options) {
    const document text_tower = text_config(path, config, options);
    model_source source;
    source.path = path;
    source.format = table.format;
    source_names names(name_scheme::open_clip);
    source.hp = read_open_clip_config({config, beside, text_tower.ref()}, path, options, table, names);
    const std::string text = names.text == name_scheme::bert ? names.text_prefix : names.text_prefix + "transformer.";
    detect_towers(table, "visual.", text, options, source.hp, path);
    finish(table, names, source);
    return source;
}

// timm's image tower alone.
model_source open_timm(const std::string & path, const tensor_table & table, const json_ref & config,
                       const read_options & options) {
    const json_value root = open_clip_config_of_timm(config, table);
    const json_ref none(nullptr, path, "");
    model_source source =
        open_open_clip(path, with_trunk_names(table), json_ref(&root, config.file() + " (timm's)", ""), none, options);
    finish_timm_alone(config, source.hp);
    return source;
}

// transformers 5 writes the image processor into processor_config.json when it saves a whole processor.
json_ref image_processor(const document & preprocessor, const document & processor) {
    return preprocessor.found ? preprocessor.ref() : processor.ref().object("image_processor");
}

// A checkpoint of OpenAI's, which says all in its tensors. Configuration files beside it are another model's.
model_source open_openai(const std::string & path, const tensor_table & table, const read_options & options) {
    model_source source;
    source.path = path;
    source.format = table.format;
    source_names names(name_scheme::open_clip);
    source.hp = read_openai_shapes(table, options, path, names);
    finish(table, names, source);
    return source;
}

// A file of weights without a configuration.
model_source open_lone_file(const std::string & path, const std::string & folder, const tensor_table & table,
                            const read_options & options) {
    if (has_publisher_names(table)) return open_lone_file(path, folder, with_open_clip_names(table), options);
    const implied_config implied = config_of(table, fs::u8path(path).filename().u8string());
    const bool hf = !implied.hugging_face.empty();
    if (!hf && implied.open_clip.empty()) {
        throw_error(error_code::FILE_NOT_FOUND,
                    folder + ": expected config.json or open_clip_config.json, found neither, and the tensors of " +
                        path + " are not CLIP's or SigLIP's by their names");
    }
    const json_value root = parse_json(hf ? implied.hugging_face : implied.open_clip, path);
    const json_ref config(&root, path + " (no configuration beside it)", ""), none(nullptr, path, "");
    if (!hf) {
        model_source source = open_open_clip(folder, table, config, none, options);
        source.hp.vision.any_grid = implied.any_grid;
        return source;
    }
    model_source source = open_hf(folder, table, {config, none, none}, options);
    if (implied.pads_with_zero) source.hp.text.pad_id = 0;
    return source;
}

// The folder of sentence-transformers' modules.json: the transformer's own, or the one above it.
std::string sentence_root(const std::string & folder) {
    const std::string above = fs::absolute(fs::u8path(folder)).parent_path().u8string();
    return is_file(folder + "/modules.json") ? folder : is_file(above + "/modules.json") ? above : "";
}

model_source open_sentence_transformers(const std::string & folder, const std::string & root,
                                        const tensor_table & table, const json_ref & config,
                                        const read_options & options) {
    const document list(root + "/modules.json", options);
    const sentence_modules modules = read_sentence_modules(list.ref());
    const document pooling(root + "/" + modules.pooling + "/config.json", options);
    const document lengths(folder + "/sentence_bert_config.json", options);
    document dense;
    tensor_table all = table;
    if (!modules.dense.empty()) {
        dense = document(root + "/" + modules.dense + "/config.json", options);
        if (!dense.found) dense.ref().invalid("a configuration of the Dense module");
        tensor_table layer;
        read_folder_weights(root + "/" + modules.dense, preference::hugging_face, options, layer);
        for (auto & [name, tensor] : layer.tensors) all.tensors.emplace(dense_prefix + name, std::move(tensor));
        all.files.insert(all.files.end(), layer.files.begin(), layer.files.end());
    }
    model_source source;
    source.path = folder;
    source.format = table.format;
    source_names names(name_scheme::bert);
    source.hp = read_sentence_config({config, pooling.ref(), dense.ref(), lengths.ref()}, names);
    want_towers(options, folder, source.hp);
    finish(all, names, source);
    return source;
}

// Of a whole model, or of one tower.
bool has_open_clip_names(const tensor_table & table) {
    return has_prefix(table, "visual.") || has_prefix(table, "transformer.resblocks.") ||
           has_prefix(table, "text.transformer.");
}

// Whether no configuration in the folder is that of weights in a file of their own.
bool is_lone(const std::string & folder, const tensor_table & table, const read_options & options) {
    if (has_publisher_names(table)) return true;
    if (is_file(folder + "/open_clip_config.json")) return false;
    const bool config = is_file(folder + "/config.json");
    return !config ||
           (has_open_clip_names(table) && !document::optional(folder + "/config.json", options).as_open_clip().found);
}

// `given`: weights that have already been read, or null: the folder's.
model_source open_directory(const std::string & folder, const tensor_table * given, const read_options & options) {
    const std::string tokenizer_folder = options.tokenizer_folder.empty() ? folder : options.tokenizer_folder;
    const std::string processor_folder = options.processor_folder.empty() ? folder : options.processor_folder;
    document open_clip(folder + "/open_clip_config.json", options);
    // beside OpenCLIP's files, a config.json may be another program's
    document config = open_clip.found ? document::optional(folder + "/config.json", options)
                                      : document(folder + "/config.json", options);
    if (!open_clip.found && config.as_open_clip().found) {
        open_clip = config.as_open_clip();
        config = document();
    }
    const bool hf =
        config.found && (open_clip.found ? is_supported_hf_config(config.ref()) : is_hf_config(config.ref()));
    const bool timm = is_timm_config(config.ref());
    if (!hf && !timm && !open_clip.found) {
        if (config.found) config.ref().get("model_type").invalid("a string (no open_clip_config.json either)");
        throw_error(error_code::FILE_NOT_FOUND,
                    folder + ": expected config.json or open_clip_config.json, found neither");
    }
    tensor_table found;
    if (given == nullptr)
        read_folder_weights(folder, hf ? preference::hugging_face : preference::open_clip, options, found);
    const tensor_table & table = given != nullptr ? *given : found;
    const bool open_clip_names = has_open_clip_names(table);
    if (timm && !open_clip_names) return open_timm(folder, table, config.ref(), options);
    if (open_clip.found && (open_clip_names || !hf))
        return open_open_clip(folder, table, open_clip.ref(), config.ref(), options);
    const std::string root = is_sentence_encoder(config.ref()) ? sentence_root(folder) : "";
    if (!root.empty()) return open_sentence_transformers(folder, root, table, config.ref(), options);
    document tokenizer, preprocessor, processor;
    if (options.want_text) tokenizer = document::optional(tokenizer_folder + "/tokenizer_config.json", options);
    if (options.want_vision) {
        preprocessor = document(processor_folder + "/preprocessor_config.json", options);
        processor = document(processor_folder + "/processor_config.json", options);
    }
    return open_hf(folder, table, {config.ref(), image_processor(preprocessor, processor), tokenizer.ref()}, options);
}

}  // namespace

model_source open_model(const std::string & path, const read_options & options) {
    if (is_directory(path)) {
        std::string folder = path;
        while (folder.size() > 1 && (folder.back() == '/' || folder.back() == '\\')) folder.pop_back();
        return open_directory(folder, nullptr, options);
    }
    return open_model(model_file::open(path, options.cancelled), options);
}

model_source open_model(std::shared_ptr<const model_file> file, const read_options & options) {
    const std::string & path = file->path();
    const std::string head = file->head(torch_head);
    if (begins_with(head, "GGUF") || ends_with(path, ".gguf"))  // or says what is wrong with it
        return open_gguf(file, options);
    const bool torch = is_torch_file(head);
    if (!torch && !ends_with(path, ".safetensors")) {
        throw_error(error_code::FILE_FORMAT,
                    path + ": expected a GGUF, safetensors or PyTorch file or a model directory, found neither");
    }
    std::string folder = fs::u8path(path).parent_path().u8string();
    folder = folder.empty() ? "." : folder;
    tensor_table table;
    read_weight_file(file, table);
    if (is_openai_checkpoint(table) && torch) return open_openai(folder, table, options);
    return is_lone(folder, table, options) ? open_lone_file(path, folder, table, options)
                                           : open_directory(folder, &table, options);
}

}  // namespace ggclip
