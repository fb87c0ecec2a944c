#include "formats/families/bert-config.h"

#include "formats/layout/enum-names.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

namespace {

// Architectures that files name instead of describing them (their config.json on the hub).
struct architecture {
    const char * name;
    int32_t n_head;
    double eps;
    bool roberta;
};

const architecture architectures[] = {
    {"xlm-roberta-base", 12, 1e-5, true},
    {"xlm-roberta-large", 16, 1e-5, true},
    {"roberta-base", 12, 1e-5, true},
    {"roberta-large", 16, 1e-5, true},
    {"xlm-v-base", 12, 1e-5, true},
    {"bert-base-uncased", 12, 1e-12, false},
    {"bert-base-cased", 12, 1e-12, false},
    {"bert-large-uncased", 16, 1e-12, false},
    {"bert-base-multilingual-cased", 12, 1e-12, false},
    {"bert-base-chinese", 12, 1e-12, false},
    {"LaBSE", 12, 1e-12, false},
    {"chinese-roberta-wwm-ext", 12, 1e-12, false},
    {"chinese-roberta-wwm-ext-large", 16, 1e-12, false},
};

// Common to all of them: post-norm blocks, a norm of the embeddings and none at the end, padding masked.
void set_kind(bool roberta, text_hparams & text) {
    text.present = true;
    text.act = activation::gelu_erf;
    text.order = norm_order::post;
    text.has_pre_ln = true;
    text.has_post_ln = false;
    text.causal = text.sees_padding = false;
    text.pad_id = roberta ? 1 : 0;
    text.position_offset = roberta ? 2 : 0;  // padding_idx + 1: RobertaEmbeddings
    text.cleaning = text_cleaning::none;
}

}  // namespace

bool is_bert_type(const std::string & type) {
    return type == "bert" || type == "roberta" || type == "xlm-roberta" || type == "chinese_clip_text_model";
}

void read_bert_config(const json_ref & config, const std::string & type, text_hparams & text) {
    const bool roberta = type != "bert" && type != "chinese_clip_text_model";
    set_kind(roberta, text);
    const auto count = [&](const char * key, int32_t fallback, int64_t max) {
        return (int32_t) config.integer(key, fallback, 1, max);
    };
    text.n_vocab = count("vocab_size", roberta ? 50265 : 30522, limits::max_vocab);
    text.n_embd = count("hidden_size", 768, limits::max_width);
    text.n_layer = count("num_hidden_layers", 12, limits::max_layers);
    text.n_head = count("num_attention_heads", 12, limits::max_heads);
    text.n_ff = count("intermediate_size", 3072, limits::max_ff);
    text.n_position = count("max_position_embeddings", 512, limits::max_ctx);
    text.n_token_type = count("type_vocab_size", 2, limits::max_ctx);
    text.eps = (float) config.real("layer_norm_eps", 1e-12, limits::min_eps, limits::max_eps);
    text.pad_id = (int32_t) config.integer("pad_token_id", roberta ? 1 : 0, 0, text.n_vocab - 1);
    text.position_offset = roberta ? text.pad_id + 1 : 0;
    if (!parse_activation(config.string("hidden_act", "gelu"), text.act))
        config.get("hidden_act").unsupported("gelu, gelu_new, gelu_pytorch_tanh and quick_gelu");
    if (config.string("position_embedding_type", "absolute") != "absolute")
        config.get("position_embedding_type").unsupported("absolute");
    if (text.n_position <= text.position_offset) {
        config.get("max_position_embeddings")
            .invalid("more than pad_token_id + 1 (" + std::to_string(text.position_offset) + ")");
    }
    text.n_ctx = text.n_position - text.position_offset;
}

void read_bert_architecture(const json_ref & name, const tensor_table & table, const std::string & prefix,
                            text_hparams & text) {
    const std::string word = name.value()->text;
    const std::string last = word.substr(word.find_last_of('/') + 1);
    const auto * end = std::end(architectures);
    const auto * known =
        std::find_if(std::begin(architectures), end, [&](const architecture & a) { return last == a.name; });
    if (known == end) {
        std::string names;
        for (const architecture & a : architectures) names += (names.empty() ? "" : ", ") + std::string(a.name);
        name.unsupported("text towers called " + names);
    }
    set_kind(known->roberta, text);
    measure_bert(table, prefix, text);
    text.n_head = known->n_head;
    text.eps = (float) known->eps;
    if (text.n_position <= text.position_offset)
        name.invalid("a position table of more than " + std::to_string(text.position_offset) + " rows");
    text.n_ctx = text.n_position - text.position_offset;
}

}  // namespace ggclip
