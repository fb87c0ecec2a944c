#include "formats/families/hf/texts/texts.h"

#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace ggclip {

namespace {

// The number of heads is the one size that no tensor's shape tells. Names of architectures whose own name does not tell
// it either (their config.json on the hub).
struct named_heads {
    const char * name;
    int32_t n_head;
};

const named_heads named[] = {{"LaBSE", 12},        {"chinese-roberta-wwm-ext", 12},  {"Bio_ClinicalBERT", 12},
                             {"biobert-v1.1", 12}, {"scibert_scivocab_uncased", 12}, {"scibert_scivocab_cased", 12}};

// Words of names: "bert-base-uncased", "xlm-roberta-large". Published BERTs and RoBERTas keep to them.
const named_heads size_words[] = {{"base", 12}, {"large", 16}};

// Widths that have the same number of heads in every published BERT and RoBERTa.
struct width_heads {
    int32_t n_embd, n_head;
};
const width_heads widths[] = {{384, 12}, {768, 12}, {1024, 16}};

bool has_word(const std::string & name, const std::string & word) {
    for (size_t at = name.find(word); at != std::string::npos; at = name.find(word, at + 1)) {
        const auto bounds = [&](size_t i) { return i >= name.size() || !std::isalnum((unsigned char) name[i]); };
        if (bounds(at - 1) && bounds(at + word.size())) return true;
    }
    return false;
}

// 0 if nothing tells. "bert_uncased_L-4_H-512_A-8" says it itself.
int32_t heads_of(const std::string & name, int32_t n_embd) {
    const size_t at = name.find("_A-");
    if (at != std::string::npos) return (int32_t) std::strtol(name.c_str() + at + 3, nullptr, 10);
    for (const named_heads & entry : named)
        if (name == entry.name) return entry.n_head;
    for (const named_heads & entry : size_words)
        if (has_word(name, entry.name)) return entry.n_head;
    for (const width_heads & entry : widths)
        if (n_embd == entry.n_embd) return entry.n_head;
    return 0;
}

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

// BERT has two kinds of tokens and counts positions from 0; RoBERTa has one kind and counts from padding_idx + 1 = 2,
// in tables of 514, 130, ... rows.
bool is_roberta_shaped(const json_ref & name, const std::string & last, const text_hparams & text) {
    if (text.n_token_type == 2) return false;
    const bool roberta =
        text.n_position % 8 == 2 || last.find("roberta") != std::string::npos || begins_with(last, "xlm-");
    if (text.n_token_type != 1 || !roberta) {
        name.unsupported("text towers of BERT (2 rows of token_type_embeddings) or RoBERTa (1 row, and 2 rows of " +
                         std::string("position_embeddings before the first)"));
    }
    return true;
}

// What transformers' configurations have where a file is silent: BertConfig, RobertaConfig, and two of their copies.
struct bert_defaults {
    const char * type;
    int32_t n_vocab, n_embd, n_layer, n_head, n_ff, n_position, n_token_type;  // n_token_type 0: has none
    double eps;
};
const bert_defaults bert = {"bert", 30522, 768, 12, 12, 3072, 512, 2, 1e-12};
const bert_defaults roberta_like = {"roberta", 50265, 768, 12, 12, 3072, 512, 2, 1e-12};
const bert_defaults copies[] = {{"altclip_text_model", 250002, 1024, 24, 16, 4096, 514, 1, 1e-5},
                                {"blip_text_model", 30524, 768, 12, 8, 3072, 512, 0, 1e-12}};

const bert_defaults & defaults_of(const std::string & type, bool roberta) {
    for (const bert_defaults & copy : copies)
        if (type == copy.type) return copy;
    return roberta ? roberta_like : bert;
}

bool is_roberta_type(const std::string & type) {
    return type == "roberta" || type == "xlm-roberta" || type == "camembert" || type == "data2vec-text";
}

}  // namespace

bool is_bert_type(const std::string & type) {
    return is_roberta_type(type) || type == "bert" || type == "electra" || type == "chinese_clip_text_model";
}

void read_distilbert_config(const json_ref & config, text_hparams & text) {
    set_kind(false, text);
    text.n_vocab = config.count("vocab_size", 30522, limits::max_vocab);
    text.n_embd = config.count("dim", 768, limits::max_width);
    text.n_layer = config.count("n_layers", 6, limits::max_layers);
    text.n_head = config.count("n_heads", 12, limits::max_heads);
    text.n_ff = config.count("hidden_dim", 3072, limits::max_ff);
    text.n_ctx = text.n_position = config.count("max_position_embeddings", 512, limits::max_ctx);
    text.eps = 1e-12f;  // of every norm in modeling_distilbert.py
    text.pad_id = (int32_t) config.integer("pad_token_id", 0, 0, text.n_vocab - 1);
    if (!parse_activation(config.string("activation", "gelu"), text.act))
        config.get("activation").unsupported("gelu, gelu_new, gelu_pytorch_tanh and quick_gelu");
}

void read_bert_config(const json_ref & config, const std::string & type, text_hparams & text) {
    const bool roberta = is_roberta_type(type) || type == "altclip_text_model";
    const bert_defaults & defaults = defaults_of(type, roberta);
    set_kind(roberta, text);
    text.n_vocab = config.count("vocab_size", defaults.n_vocab, limits::max_vocab);
    text.n_embd = config.count("hidden_size", defaults.n_embd, limits::max_width);
    text.n_layer = config.count("num_hidden_layers", defaults.n_layer, limits::max_layers);
    text.n_head = config.count("num_attention_heads", defaults.n_head, limits::max_heads);
    text.n_ff = config.count("intermediate_size", defaults.n_ff, limits::max_ff);
    text.n_position = config.count("max_position_embeddings", defaults.n_position, limits::max_ctx);
    text.n_token_type =
        defaults.n_token_type == 0 ? 0 : config.count("type_vocab_size", defaults.n_token_type, limits::max_ctx);
    text.eps = (float) config.real("layer_norm_eps", defaults.eps, limits::min_eps, limits::max_eps);
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

bool is_bert_shaped(const tensor_table & table, const std::string & prefix) {
    return has_tensor(table, prefix + "embeddings.word_embeddings.weight") &&
           has_tensor(table, prefix + "embeddings.token_type_embeddings.weight") &&
           has_tensor(table, prefix + "encoder.layer.0.attention.self.query.weight");
}

void read_bert_architecture(const json_ref & name, const tensor_table & table, const std::string & prefix,
                            int32_t n_head, text_hparams & text) {
    if (!is_bert_shaped(table, prefix))
        name.unsupported("text towers whose tensors are BERT's, RoBERTa's, M2M-100's or mT5's");
    const std::string word = name.value()->text;
    const std::string last = word.substr(word.find_last_of('/') + 1);
    measure_bert(table, prefix, text);
    const bool roberta = is_roberta_shaped(name, last, text);
    set_kind(roberta, text);
    text.n_head = n_head > 0 ? n_head : heads_of(last, text.n_embd);
    if (text.n_head == 0) {
        name.unsupported(
            "text towers whose name tells the number of heads (\"base\": 12, \"large\": 16), of width 384, "
            "768 or 1024, or with a configuration of their own beside them");
    }
    text.eps = roberta ? 1e-5f : 1e-12f;
    if (text.position_offset >= text.n_position)
        name.invalid("a position table of more than " + std::to_string(text.position_offset) + " rows");
    text.n_ctx = text.n_position - text.position_offset;
}

}  // namespace ggclip
