#include "formats/families/open-clip-hf.h"

#include "formats/families/bert-config.h"
#include "formats/layout/limits.h"

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

void read_hf_text(const json_ref & config, const tensor_table & table, const json_ref & beside, const hparams & hp,
                  text_hparams & text, source_names & names) {
    names.text = name_scheme::bert;
    names.text_prefix = "text.transformer.";
    const json_ref name = config.get("hf_model_name");
    if (!name.is(kind_t::string)) name.invalid("a string");
    const json_ref inline_config = config.object("hf_model_config");
    const json_ref described = inline_config.exists() ? inline_config : beside;
    const std::string type = described.get("model_type").is(kind_t::string) ? described.string("model_type", "") : "";
    if (is_bert_type(type)) {
        read_bert_config(described, type, text);
    } else {
        read_bert_architecture(name, table, names.text_prefix, text);
        if (config.integer("width", 0, 0, limits::max_width) == text.n_embd)  // the file describes another size of it
            text.n_head = (int32_t) config.integer("heads", text.n_head, 1, limits::max_heads);
    }
    text.n_ctx = std::min<int32_t>((int32_t) config.integer("context_length", 77, 1, limits::max_ctx), text.n_ctx);
    // `pooler_type` and `proj` are the names in the first multilingual checkpoints on the hub
    const std::string pooler = config.string("hf_pooler_type", config.string("pooler_type", "mean_pooler"));
    if (pooler != "mean_pooler" && pooler != "cls_last_hidden_state_pooler")
        config.get("hf_pooler_type").unsupported("\"mean_pooler\" and \"cls_last_hidden_state_pooler\"");
    text.pool = pooler == "mean_pooler" ? pooling::mean : pooling::cls;
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
