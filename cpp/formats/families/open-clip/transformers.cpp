#include "formats/families/open-clip/open-clip.h"

#include "formats/families/hf/texts/texts.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>

namespace ggclip {

using kind_t = json_value::kind_t;

// open_clip's HFTokenizer: the tokenizer's own files say which ids frame and fill a row.
void read_hf_tokenizer(const json_ref & config, text_hparams & text) {
    const json_ref kwargs = config.object("tokenizer_kwargs");
    const std::string clean = kwargs.string("clean", "whitespace");
    for (const std::string & key : kwargs.exists() ? kwargs.value()->keys : std::vector<std::string>())
        if (key != "clean" && key != "strip_sep_token")
            kwargs.get(key.c_str()).unsupported("clean and strip_sep_token");
    if (clean != "whitespace" && clean != "lower" && clean != "canonicalize")
        kwargs.get("clean").unsupported("\"whitespace\", \"lower\" and \"canonicalize\"");
    text.cleaning = clean == "whitespace" ? text_cleaning::repair
                    : clean == "lower"    ? text_cleaning::repair_lower
                                          : text_cleaning::repair_canonicalize;
    text.pad_id = -1;
    if (text.pool != pooling::eot) text.eos_id = -1;
    if (kwargs.boolean("strip_sep_token", false))
        text.eos_id = 0;  // the end token is replaced by 0, in rows that fill up with 0
}

// Whether a configuration found beside the model is this tower's: a folder may hold another model's.
static bool describes(const json_ref & config, const tensor_table & table, const std::string & prefix) {
    if (!config.is(kind_t::object)) return false;
    const json_ref type = config.get("model_type");
    if (!type.is(kind_t::string) || !is_bert_type(type.value()->text) || !is_bert_shaped(table, prefix)) return false;
    text_hparams text;
    measure_bert(table, prefix, text);
    const auto same = [&](const char * key, int64_t found) {
        const json_ref value = config.get(key);
        return !value.exists() || (value.is(kind_t::integer) && value.value()->integer == found);
    };
    return same("hidden_size", text.n_embd) && same("num_hidden_layers", text.n_layer) &&
           same("intermediate_size", text.n_ff) && same("vocab_size", text.n_vocab) &&
           same("max_position_embeddings", text.n_position);
}

// HFTextEncoder: without a word in the configuration, the architecture's own (open_clip/hf_configs.py); BERT's is the
// first token, without the transformer's own pooler, which only an explicit "cls_pooler" adds.
// The encoders of M2M-100 and mT5 have no pooler, so that both names of the first token mean the same.
static pooling read_pooler(const json_ref & config, bool mean, bool has_pooler) {
    // `pooler_type` and `proj` are the names in the first multilingual checkpoints on the hub
    const std::string own = mean ? "mean_pooler" : "cls_last_hidden_state_pooler";
    const std::string pooler = config.string("hf_pooler_type", config.string("pooler_type", own));
    if (pooler == "cls_pooler" && !has_pooler) return pooling::cls;
    if (pooler != "mean_pooler" && pooler != "cls_last_hidden_state_pooler")
        config.get("hf_pooler_type").unsupported("\"mean_pooler\" and \"cls_last_hidden_state_pooler\"");
    return pooler == "mean_pooler" ? pooling::mean : pooling::cls;
}

static void read_bert_tower(const json_ref & config, const tensor_table & table, const json_ref & beside,
                            const source_names & names, text_hparams & text) {
    const json_ref name = config.get("hf_model_name");
    const json_ref inline_config = config.object("hf_model_config");
    const json_ref described = inline_config.exists() ? inline_config : beside;
    if (inline_config.exists() ? is_bert_type(inline_config.string("model_type", ""))
                               : describes(beside, table, names.text_prefix)) {
        read_bert_config(described, described.string("model_type", ""), text);
    } else {
        // the file may describe another size of the tower
        const std::string table_name = names.text_prefix + "embeddings.word_embeddings.weight";
        const bool fits = has_tensor(table, table_name) && config.integer("width", 0, 0, limits::max_width) ==
                                                               extent_of(table, table_name, 2, 0, limits::max_width);
        const int64_t n_head = fits ? config.integer("heads", 0, 1, limits::max_heads) : 0;
        read_bert_architecture(name, table, names.text_prefix, (int32_t) n_head, text);
    }
}

void read_hf_text(const json_ref & config, const tensor_table & table, const json_ref & beside, const hparams & hp,
                  text_hparams & text, source_names & names) {
    names.text = name_scheme::bert;
    names.text_prefix = "text.transformer.";
    const json_ref name = config.get("hf_model_name");
    if (!name.is(kind_t::string)) name.invalid("a string");
    const auto n_ctx = (int32_t) config.integer("context_length", 77, 1, limits::max_ctx);
    const bool m2m = is_m2m_shaped(table, names.text_prefix), t5 = is_t5_shaped(table, names.text_prefix);
    if (t5) {
        names.encoder = encoder_names::t5;
        read_t5_encoder(table, names.text_prefix, beside, text);
        names.t5_plain_mlp = !text.has_mlp_gate;
        text.n_ctx = n_ctx;  // distances have no end
    } else if (m2m) {
        names.encoder = encoder_names::m2m_100;
        names.computes_positions = true;
        read_m2m_encoder(table, names.text_prefix, beside, text);
        text.n_ctx = n_ctx;  // the positions have no end
        text.n_position = n_ctx + text.position_offset;
    } else {
        read_bert_tower(config, table, beside, names, text);
        text.n_ctx = std::min(n_ctx, text.n_ctx);
    }
    text.pool = read_pooler(config, t5 || (!m2m && text.position_offset > 0), !m2m && !t5);
    const bool no_kind = config.get("hf_proj_type").value() != nullptr && !config.get("hf_proj_type").exists();  // null
    const std::string kind = no_kind ? "none" : config.string("hf_proj_type", config.string("proj", "mlp"));
    if (kind != "mlp" && kind != "linear" && !(kind == "none" && text.n_embd == hp.n_proj))
        config.get("hf_proj_type").unsupported("\"mlp\" and \"linear\", and null where the width is embed_dim");
    text.has_proj = kind != "none";
    text.n_proj_hidden = kind == "mlp" ? (text.n_embd + hp.n_proj) / 2 : 0;  // HFTextEncoder
    names.bert_proj = kind == "mlp" ? "text.proj.2" : "text.proj";
    names.bert_proj_hidden = "text.proj.0";
    const int32_t pad = text.pad_id;
    read_hf_tokenizer(config, text);
    text.pad_id = pad;  // the attention mask is made of it
}

}  // namespace ggclip
