// Facts: sentence_transformers/models/{Transformer,Pooling,Dense}.py.
#include "formats/families/hf/sentence-transformers.h"

#include "formats/families/hf/texts/texts.h"
#include "formats/layout/limits.h"

#include <algorithm>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names sentence_fields = {"", "", "", "", "dim", "n_heads", "", ""};

// "sentence_transformers.models.Pooling" -> "Pooling"
std::string class_of(const json_ref & module) {
    const std::string type = module.string("type", "");
    return type.substr(type.rfind('.') + 1);
}

pooling read_pooling(const json_ref & config) {
    const bool named = config.get("pooling_mode").is(kind_t::string);
    const std::string mode = config.string("pooling_mode", "");
    for (const char * other : {"max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"}) {
        const std::string key = std::string("pooling_mode_") + other;
        if (config.boolean(key.c_str(), false)) config.get(key.c_str()).unsupported("the mean or the first token");
    }
    const bool mean = named ? mode == "mean" : config.boolean("pooling_mode_mean_tokens", true),
               cls = named ? mode == "cls" : config.boolean("pooling_mode_cls_token", false);
    if (mean == cls)
        config.get(named ? "pooling_mode" : "pooling_mode_mean_tokens").unsupported("the mean or the first token");
    return mean ? pooling::mean : pooling::cls;
}

void read_dense(const json_ref & config, text_hparams & text, source_names & names) {
    const std::string act = config.string("activation_function", "torch.nn.modules.activation.Tanh");
    if (act != "torch.nn.modules.linear.Identity")
        config.get("activation_function").unsupported("\"torch.nn.modules.linear.Identity\"");
    const int64_t n_in = config.integer("in_features", text.n_embd, 1, limits::max_width);
    if (n_in != text.n_embd)
        config.get("in_features").invalid("the transformer's width (" + std::to_string(text.n_embd) + ")");
    text.has_proj = true;
    text.has_proj_bias = config.boolean("bias", true);
    names.bert_proj = std::string(dense_prefix) + "linear";
}

}  // namespace

bool is_sentence_encoder(const json_ref & config) {
    const json_ref type = config.is(kind_t::object) ? config.get("model_type") : json_ref(nullptr, "", "");
    return type.is(kind_t::string) && (type.value()->text == "distilbert" || is_bert_type(type.value()->text));
}

sentence_modules read_sentence_modules(const json_ref & modules) {
    if (!modules.is(kind_t::array)) modules.invalid("an array of modules");
    const char * const known[] = {"Transformer", "Pooling", "Dense", "Normalize"};
    sentence_modules out;
    size_t next = 0;
    for (size_t i = 0; i < modules.value()->items.size(); i++) {
        const json_ref module = modules.at(i);
        const std::string name = class_of(module), path = module.string("path", "");
        const auto * const at = std::find(std::begin(known), std::end(known), name);
        if (at == std::end(known) || (size_t) (at - known) < next)
            module.get("type").unsupported("a Transformer, then a Pooling, a Dense and a Normalize");
        next = (size_t) (at - known) + 1;
        if (path.find("..") != std::string::npos) module.get("path").invalid("a folder of the model");
        if (name == "Pooling") out.pooling = path;
        if (name == "Dense") out.dense = path;
    }
    if (out.pooling.empty()) modules.unsupported("models with a Pooling module");
    return out;
}

hparams read_sentence_config(const sentence_files & files, source_names & names) {
    hparams hp;
    hp.family = "sentence-transformers";
    names = source_names(name_scheme::bert);
    const std::string type = files.config.string("model_type", "");
    const bool distilbert = type == "distilbert";
    if (distilbert) names.encoder = encoder_names::distilbert;
    if (distilbert) read_distilbert_config(files.config, hp.text);
    else read_bert_config(files.config, type, hp.text);
    hp.text.pool = read_pooling(files.pooling);
    hp.text.has_proj = false;
    if (files.dense.exists()) read_dense(files.dense, hp.text, names);
    if (files.lengths.exists()) {
        const auto length = (int32_t) files.lengths.integer("max_seq_length", hp.text.n_ctx, 1, limits::max_vocab);
        hp.text.n_ctx = std::min(length, hp.text.n_ctx);
        if (files.lengths.boolean("do_lower_case", false)) hp.text.cleaning = text_cleaning::lower;
    }
    check_hparams(hp, files.config.file(), sentence_fields);
    return hp;
}

}  // namespace ggclip
