// Defaults are those of JinaCLIPConfig and its two parts; facts of the text towers, whose configurations stand in
// repositories of their own, are in `text_models`.
#include "formats/families/hf/families.h"

#include "engine/error.h"
#include "engine/graph/positions/rotary.h"
#include "formats/families/open-clip/open-clip.h"
#include "formats/layout/bind-tensors.h"
#include "formats/layout/computed-rows.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"
#include "formats/layout/merged-adapters.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

const field_names jina_fields = {"vision_config.image_size",
                                 "vision_config.patch_size",
                                 "vision_config.width",
                                 "vision_config.head_width",
                                 "text_config.hf_model_config_kwargs.hidden_size",
                                 "text_config.hf_model_config_kwargs.num_attention_heads",
                                 "preprocessor size",
                                 "preprocessor size"};

// config.json of the repository that hf_model_name_or_path names, by the name's last part.
struct text_model {
    const char * name;
    int32_t n_vocab, n_embd, n_layer, n_head, n_ff, n_position, n_token_type, pad_id;
    double eps, rotary_base;  // 0: ALiBi instead
    const char * prefix;      // of the tensors
    const char * pooler;      // where pooler_type is silent
};

const text_model text_models[] = {
    // BERT with ALiBi and gated MLPs
    {"jina-bert-flash-implementation", 30528, 768, 12, 12, 3072, 8192, 2, 0, 1e-12, 0, "text_model.transformer.",
     "cls_pooler"},
    // XLM-RoBERTa with rotary positions and adapters
    {"jina-embeddings-v3", 250002, 1024, 24, 16, 4096, 8194, 1, 1, 1e-5, 20000, "text_model.transformer.roberta.",
     "mean_pooler"},
};

// Keys of hf_model_config_kwargs, which replace what the repository's configuration says.
const char * const sizes[] = {"vocab_size",
                              "hidden_size",
                              "num_hidden_layers",
                              "num_attention_heads",
                              "intermediate_size",
                              "type_vocab_size",
                              "max_position_embeddings",
                              "layer_norm_eps",
                              "rotary_emb_base",
                              "lora_adaptations",
                              "lora_alpha",
                              "lora_rank"};
const char * const without_effect[] = {"use_flash_attn", "load_trained_adapters", "lora_dropout_p",
                                       "lora_main_params_trainable", "task_instructions"};

const text_model & find_text_model(const json_ref & name) {
    if (!name.is(kind_t::string)) name.invalid("the name of a text model such as \"jinaai/jina-embeddings-v3\"");
    const std::string & path = name.value()->text;
    const std::string last = path.substr(path.find_last_of("/\\") + 1);
    for (const text_model & model : text_models)
        if (last == model.name) return model;
    name.unsupported("jinaai/jina-bert-flash-implementation and jinaai/jina-embeddings-v3");
}

void check_kwargs(const json_ref & kwargs) {
    if (!kwargs.exists()) return;
    const auto is_in = [](const auto & list, const std::string & key) {
        return std::any_of(std::begin(list), std::end(list), [&](const char * known) { return key == known; });
    };
    for (size_t i = 0; i < kwargs.value()->keys.size(); i++) {
        const std::string & key = kwargs.value()->keys[i];
        if (!is_in(sizes, key) && !is_in(without_effect, key))
            kwargs.member(i).unsupported("the text model's own configuration, without this key");
    }
}

// The adapter of the task, by its place in the list. Without a task the matrices are used as they are.
void read_adapters(const json_ref & config, const json_ref & kwargs, const tensor_table & table,
                   const std::string & prefix, source_names & names) {
    const json_ref task = config.get("default_lora_task"), list = kwargs.get("lora_adaptations");
    if (!has_adapters(table, prefix)) {
        if (task.exists()) task.unsupported("null in a file whose text tower has no adapters");
        return;
    }
    if (!list.is(kind_t::array) || list.value()->items.empty()) list.invalid("an array of tasks");
    adapter_choice & choice = names.adapter;
    choice.n_task = (int32_t) list.value()->items.size();
    choice.rank = kwargs.count("lora_rank", 4, limits::max_width);
    choice.scale = kwargs.real("lora_alpha", 1, -1e6, 1e6) / choice.rank;
    if (!task.exists()) return;
    for (int i = 0; i < choice.n_task; i++) {
        const json_ref item = list.at((size_t) i);
        if (item.is(kind_t::string) && task.is(kind_t::string) && item.value()->text == task.value()->text)
            choice.task = i;
    }
    if (choice.task < 0) task.invalid("one of " + list.path());
}

// HFTextEncoder's map from width n_embd to embed_dim.
void read_text_projection(const json_ref & config, bool projects, text_hparams & text, source_names & names) {
    const auto n_out = config.count("embed_dim", 768, limits::max_proj);
    const std::string type = config.string("proj_type", "");
    if (type != "" && type != "linear" && type != "mlp") config.get("proj_type").unsupported("null, linear and mlp");
    text.has_proj = type != "" || n_out != text.n_embd;
    if (text.has_proj && projects) config.get("proj_type").unsupported("null with add_projections");
    text.has_proj_bias = text.has_proj && config.boolean("proj_bias", false);
    names.bert_proj = "text_model.proj";
    if (type == "mlp" && n_out != text.n_embd) config.get("proj_type").unsupported("linear where embed_dim differs");
    if (type == "mlp") {
        text.n_proj_hidden = (text.n_embd + n_out) / 2;
        text.has_proj_hidden_bias = text.has_proj_bias;
        names.bert_proj_hidden = "text_model.proj.0";
        names.bert_proj = "text_model.proj.2";
    }
    if (!projects) return;
    text.has_proj = true;
    names.bert_proj = "text_projection";
}

void read_text(const json_ref & config, const json_ref & tokenizer, bool projects, const tensor_table & table,
               text_hparams & text, source_names & names) {
    const text_model & model = find_text_model(config.get("hf_model_name_or_path"));
    const json_ref kwargs = config.object("hf_model_config_kwargs");
    check_kwargs(kwargs);
    text.present = true;
    text.n_vocab = kwargs.count("vocab_size", model.n_vocab, limits::max_vocab);
    text.n_embd = kwargs.count("hidden_size", model.n_embd, limits::max_width);
    text.n_layer = kwargs.count("num_hidden_layers", model.n_layer, limits::max_layers);
    text.n_head = kwargs.count("num_attention_heads", model.n_head, limits::max_heads);
    text.n_ff = kwargs.count("intermediate_size", model.n_ff, limits::max_ff);
    text.n_token_type = kwargs.count("type_vocab_size", model.n_token_type, limits::max_ctx);
    text.eps = (float) kwargs.real("layer_norm_eps", model.eps, limits::min_eps, limits::max_eps);
    text.pad_id = model.pad_id;
    text.act = activation::gelu_erf;
    text.order = norm_order::post;
    text.has_pre_ln = true;
    text.has_post_ln = text.has_positions = text.causal = text.sees_padding = false;
    text.cleaning = text_cleaning::none;
    const bool alibi = model.rotary_base == 0;
    if (alibi) {
        text.max_alibi_bias = 8;
        text.has_mlp_gate = true;
        text.has_mlp_first_bias = false;
    } else {
        text.rotary = rotary_pairs::halves;
        text.rotary_base = (float) kwargs.real("rotary_emb_base", model.rotary_base, 1, limits::max_rotary_base);
    }
    const int64_t n_position = kwargs.count("max_position_embeddings", model.n_position, 1 << 20);
    text.n_ctx = (int32_t) std::min({max_length(tokenizer, n_position), n_position, limits::max_ctx});
    const std::string pooler = config.string("pooler_type", model.pooler);
    if (pooler != "mean_pooler" && pooler != "cls_pooler")
        config.get("pooler_type").unsupported("mean_pooler and cls_pooler");
    text.pool = pooler == "mean_pooler" ? pooling::mean : pooling::cls;
    if (config.get("default_instruction_task").exists())
        config.get("default_instruction_task").unsupported("null (an instruction can be put before the texts)");
    names.text = name_scheme::bert;
    names.encoder = alibi ? encoder_names::flash_gated : encoder_names::flash;
    names.text_prefix = model.prefix;
    read_text_projection(config, projects, text, names);
    read_adapters(config, kwargs, table, names.text_prefix, names);
}

// VisionRotaryEmbeddingFast: coordinates 0, 1, ... as they are, or scaled to pt_hw_seq_len a side.
void read_rotary(const json_ref & config, vision_hparams & vision) {
    const auto trained = config.count("pt_hw_seq_len", 16, limits::max_image);
    const bool scaled = config.boolean("intp_freq", false);
    if (!scaled && trained != vision.n_grid()) {
        config.get("pt_hw_seq_len")
            .invalid("the patches a side (" + std::to_string(vision.n_grid()) + ") without intp_freq");
    }
    vision.rotary = rotary_pairs::neighbours;
    vision.rotary_grid = scaled ? trained : 0;
}

void read_vision(const json_ref & config, bool projects, vision_hparams & vision, source_names & names) {
    vision.present = true;
    vision.n_embd = config.count("width", 768, limits::max_width);
    vision.n_layer = config.count("layers", 12, limits::max_layers);
    vision.image_size = config.count("image_size", 224, limits::max_image);
    vision.patch_size = config.count("patch_size", 16, limits::max_patch);
    vision.d_head = config.count("head_width", 64, limits::max_width);
    vision.n_head = vision.n_embd / vision.d_head;
    const double n_ff = vision.n_embd * config.real("mlp_ratio", 4.0, 0.01, 64);  // int() of it, in double as in Python
    if (n_ff < 1 || n_ff > (double) limits::max_ff)
        config.get("mlp_ratio").invalid("an MLP width of 1 to " + std::to_string(limits::max_ff));
    vision.n_ff = (int32_t) n_ff;
    vision.eps = 1e-6f;  // _build_vision_tower
    vision.has_pre_ln = false;
    vision.has_patch_bias = true;
    vision.has_qkv_bias = config.boolean("qkv_bias", true);
    vision.has_k_bias = false;
    vision.has_attn_norm = vision.has_mlp_norm = names.eva_apart = config.boolean("subln", false);
    vision.has_mlp_gate = names.eva_gated = config.boolean("naive_swiglu", false);
    vision.act = vision.has_mlp_gate ? activation::silu : activation::gelu_erf;
    vision.order = config.boolean("post_norm", false) ? norm_order::branch : norm_order::pre;
    vision.has_layer_scale = config.real("ls_init_value", 0, -1e6, 1e6) > 0;
    if (config.boolean("rope_embeddings", false) && vision.patch_size <= vision.image_size) read_rotary(config, vision);
    const std::string type = config.string("proj_type", "");
    const bool narrows = config.integer("embed_dim", 768, 1, limits::max_proj) != vision.n_embd;
    if (type != "linear" && (type != "" || narrows))
        config.get("proj_type").unsupported("linear, and null where embed_dim is width");
    if (type == "linear" && projects) config.get("proj_type").unsupported("null with add_projections");
    vision.has_proj = type == "linear" || projects;
    vision.has_proj_bias = type == "linear" && vision.has_qkv_bias;
    names.vision = name_scheme::eva;
    names.eva_proj = projects ? "visual_projection" : "vision_model.head";
}

// Buffers of rotary positions that some files hold: those that are computed must be the same.
class saved_angles {
  public:
    saved_angles(const json_ref & config, const tensor_table & table, source_names & names)
        : config_(config), table_(table), names_(names) {}

    // cosines and sines of each patch, in the tower or in each block
    void check(const vision_hparams & vision) {
        rotary_turns turns;
        const std::vector<float> & own = turns.of_grid(vision, vision.n_grid(), vision.n_grid());
        const auto n = (size_t) vision.d_head;
        std::vector<float> cosines, sines;
        for (size_t i = 2 * n; i < own.size(); i++) {  // the first token is not turned
            const bool is_sine = i / n % 2 == 1;
            if (!is_sine) cosines.push_back(own[i]);
            else sines.push_back(i % 2 == 0 ? -own[i] : own[i]);
        }
        compare("vision_model.", ".rope.freqs_cos", {vision.d_head, vision.n_patch()}, cosines);
        compare("vision_model.", ".rope.freqs_sin", {vision.d_head, vision.n_patch()}, sines);
    }

    // angles of one step, in each block
    void check(const text_hparams & text) {
        const int64_t n = text.d_head / 2;
        std::vector<float> steps;
        for (int64_t j = 0; j < n; j++) steps.push_back(std::pow(text.rotary_base, -(float) j / (float) n));
        compare(names_.text_prefix, ".mixer.rotary_emb.inv_freq", {n}, steps);
    }

  private:
    void compare(const std::string & begin, const std::string & end, const std::vector<int64_t> & ne,
                 const std::vector<float> & own) {
        for (const auto & [name, raw] : table_.tensors) {
            if (!begins_with(name, begin) || !ends_with(name, end)) continue;
            names_.other_paths.push_back(name);
            bool same = is_float_type(raw.type) && raw.ne == ne;
            const std::vector<float> saved = same ? values_of(raw) : std::vector<float>();
            // bfloat16 has 8 bits
            for (size_t i = 0; i < saved.size(); i++)
                same = same && std::fabs(saved[i] - own[i]) <= 0.01f * std::max(std::fabs(own[i]), 0.01f);
            if (!same) {
                throw_error(error_code::CONFIG_INVALID,
                            config_.file() + ": expected the rotary positions of tensor " + name + ", found others");
            }
        }
    }

    const json_ref & config_;
    const tensor_table & table_;
    source_names & names_;
};

}  // namespace

hparams read_jina_config(const hf_files & files, const read_options & options, const tensor_table & table,
                         source_names & names) {
    const json_ref & config = files.config;
    if (config.get("truncate_dim").exists()) config.get("truncate_dim").unsupported("null (all dimensions)");
    const bool projects = config.boolean("add_projections", false);
    hparams hp;
    hp.family = "jina-clip";
    names = source_names(name_scheme::eva, name_scheme::bert);
    if (options.want_vision) {
        const json_ref vision = config.object("vision_config");
        read_vision(vision, projects, hp.vision, names);
        read_preprocess(files.preprocessor, hp.vision.image_size, hp.image);
    }
    if (options.want_text) read_text(config.object("text_config"), files.tokenizer, projects, table, hp.text, names);
    check_hparams(hp, config.file(), jina_fields);
    saved_angles saved(config, table, names);
    if (hp.vision.present && hp.vision.rotary != rotary_pairs::none) saved.check(hp.vision);
    if (hp.text.present && hp.text.rotary != rotary_pairs::none) saved.check(hp.text);
    return hp;
}

}  // namespace ggclip
