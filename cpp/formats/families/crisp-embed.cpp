#include "formats/families/crisp-embed.h"

#include "engine/error.h"
#include "engine/names.h"
#include "formats/layout/names/enums.h"
#include "formats/layout/limits.h"
#include "formats/layout/bind-tensors.h"

#include <cstdio>
#include <cstring>

namespace ggclip {

namespace {

const field_names fields = {"key vit.image_size",        "key vit.patch_size",
                            "key vit.hidden_size",       "key vit.num_attention_heads",
                            "key clip_text.hidden_size", "key clip_text.num_attention_heads",
                            "key vit.image_size",        "key vit.image_size"};

// Their names and ours; %s: weight or bias. Blocks are "enc.N." there and "T.blk.N." here.
struct pair {
    const char *theirs, *ours;
};
const pair vision_parts[] = {
    {"patch_embed", "v.patch_embd"}, {"position_embd", "v.position_embd"}, {"pre_ln", "v.pre_ln"},
    {"post_ln", "v.post_ln"},        {"visual_proj", "visual_projection"}, {"head.attn.o", "v.head.attn_out"},
    {"head.ln", "v.head.ln"},        {"head.mlp.fc1", "v.head.ffn_up"},    {"head.mlp.fc2", "v.head.ffn_down"}};
const pair text_parts[] = {{"token_embd", "t.token_embd"},
                           {"position_embd", "t.position_embd"},
                           {"final_ln", "t.post_ln"},
                           {"text_proj", "text_projection"},
                           {"head", "text_projection"}};
const pair block_parts[] = {{"ln1", "ln1"},        {"ln2", "ln2"},         {"attn.q", "attn_q"},
                            {"attn.k", "attn_k"},  {"attn.v", "attn_v"},   {"attn.o", "attn_out"},
                            {"ffn.fc1", "ffn_up"}, {"ffn.fc2", "ffn_down"}};

class crisp_reader {
  public:
    explicit crisp_reader(const gguf_file & file)
        : file_(file), is_vision_(file.string(names::architecture, "") == "vit") {}

    model_source run(const read_options & options) {
        model_source source;
        source.path = file_.path();
        source.format = "gguf";
        source.hp.name = file_.string(names::name, "");
        source.hp.license = file_.string(names::license, "");
        (is_vision_ ? source.hp.vision.present : source.hp.text.present) = true;
        want_towers(options, file_.path(), source.hp);
        if (is_vision_) vision(source.hp);
        else text(source.hp, source.tokenizer);
        check_hparams(source.hp, file_.path(), fields);
        const tensor_table table = renamed();
        source.hp.n_proj = projection_dim(table, name_scheme::ggclip, source.hp);
        bind_tensors(table, name_scheme::ggclip, source);
        return source;
    }

  private:
    std::string key(const char * name) const { return std::string(is_vision_ ? "vit." : "clip_text.") + name; }

    void tower(tower_hparams & out, const char * act) {
        const auto count = [&](const char * name, int64_t max) { return (int32_t) file_.integer(key(name), 1, max); };
        out.present = true;
        out.n_embd = count("hidden_size", limits::max_width);
        out.n_layer = count("num_hidden_layers", limits::max_layers);
        out.n_head = count("num_attention_heads", limits::max_heads);
        out.n_ff = count("intermediate_size", limits::max_ff);
        out.eps = (float) file_.real(key("layer_norm_eps"), limits::min_eps, limits::max_eps);
        if (!parse_activation(file_.string(key("hidden_act"), act), out.act))
            file_.invalid(key("hidden_act"), "quick_gelu, gelu or gelu_pytorch_tanh");
    }

    void vision(hparams & hp) {
        const bool siglip = file_.string("vit.model_type", "clip") == "siglip";
        vision_hparams & v = hp.vision;
        hp.family = siglip ? "siglip" : "clip";
        tower(v, siglip ? "gelu_pytorch_tanh" : "quick_gelu");
        v.image_size = (int32_t) file_.integer("vit.image_size", 1, limits::max_image);
        v.patch_size = (int32_t) file_.integer("vit.patch_size", 1, limits::max_patch);
        v.n_channel = (int32_t) file_.integer("vit.num_channels", 3, 3, 3);
        v.has_class_embd = file_.boolean("vit.has_cls_token", !siglip);
        v.has_pre_ln = has("pre_ln.weight");
        v.has_patch_bias = has("patch_embed.bias");
        v.has_proj = file_.boolean("vit.has_visual_proj", !siglip);
        v.pooled_output = !siglip && !v.has_proj;
        v.pool = file_.boolean("vit.has_attn_pool", siglip) ? pooling::attention : pooling::cls;
        if (v.pool == pooling::cls && !v.has_class_embd)
            file_.invalid("vit.has_attn_pool", "true without a class token");
        image_hparams & image = hp.image;
        image.resize = image.crop = v.image_size;
        image.mode = siglip ? resize_mode::squash : resize_mode::shortest;  // of the two families' preprocessors
        const auto mean = file_.numbers("vit.image_mean", 3, -limits::max_mean, limits::max_mean);
        const auto std = file_.numbers("vit.image_std", 3, limits::min_std, limits::max_std);
        for (size_t i = 0; i < 3; i++) {
            image.mean[i] = (float) mean[i];
            image.std[i] = (float) std[i];
        }
    }

    void text(hparams & hp, tokenizer_source & tokenizer) {
        text_hparams & t = hp.text;
        t.causal = file_.boolean("clip_text.causal", true);
        hp.family = t.causal ? "clip" : "siglip";
        tower(t, t.causal ? "quick_gelu" : "gelu_pytorch_tanh");
        t.n_vocab = (int32_t) file_.integer("clip_text.vocab_size", 1, limits::max_vocab);
        t.n_ctx = (int32_t) file_.integer("clip_text.max_position_embeddings", 1, limits::max_ctx);
        t.sees_padding = !t.causal;
        t.pool = t.causal ? pooling::eot : pooling::last;
        t.has_proj = has("text_proj.weight") || has("head.weight");
        t.has_proj_bias = has("head.bias");
        t.pooled_output = !t.has_proj;
        t.cleaning = t.causal ? text_cleaning::whitespace_lower : text_cleaning::canonicalize;
        const auto id = [&](const char * name, int32_t fallback) {
            return (int32_t) file_.integer(key(name), 0, t.n_vocab - 1, fallback);
        };
        t.bos_id = t.causal ? id("bos_token_id", t.n_vocab - 2) : -1;
        t.eos_id = t.causal ? id("eos_token_id", t.n_vocab - 1) : 1;
        t.pad_id = t.eos_id;
        if (t.causal && t.eos_id == 2 && t.n_vocab > 2) {
            // old versions of transformers wrote this for every model: see hf/config.cpp
            t.eos_id = t.bos_id = t.pad_id = -1;
        }
        if (file_.integer("tokenizer.ggml.type", 0, 255, 1) == 1) {
            tokenizer.tokens = file_.strings(names::tokens);
            tokenizer.merges = file_.strings(names::merges);
        }
    }

    bool has(const char * name) const { return file_.tensors().tensors.count(name) != 0; }

    // Our names for their tensors; names that are not theirs stay, and are reported as not used.
    tensor_table renamed() const {
        tensor_table out;
        out.files = file_.tensors().files;
        for (const auto & [name, tensor] : file_.tensors().tensors) {
            if (begins_with(name, "head.attn.in_proj.")) {
                split(name.substr(strlen("head.attn.in_proj.")), tensor, out);
                continue;
            }
            raw_tensor mine = tensor;
            if (name == "patch_embed.weight" && mine.ne.size() == 2) unfold(mine);
            out.tensors.emplace(our_name(name), std::move(mine));
        }
        return out;
    }

    std::string our_name(const std::string & name) const {
        if (name == "cls_token") return names::of_tensor('v', -1, names::class_embd, "");
        if (name == "head.probe") return names::of_tensor('v', -1, name, "");
        int block = -1, used = 0;
        const bool in_block = sscanf(name.c_str(), "enc.%d.%n", &block, &used) == 1 && used > 0 && block >= 0;
        const std::string part = in_block ? name.substr((size_t) used) : name;
        const size_t dot = part.rfind('.');
        const std::string stem = part.substr(0, dot), suffix = dot == std::string::npos ? "" : part.substr(dot);
        if (in_block) {
            for (const pair & entry : block_parts) {
                if (stem == entry.theirs) {
                    return std::string(is_vision_ ? "v" : "t") + ".blk." + std::to_string(block) + "." + entry.ours +
                           suffix;
                }
            }
            return name;
        }
        const pair * table = is_vision_ ? vision_parts : text_parts;
        const size_t n = is_vision_ ? sizeof(vision_parts) / sizeof(pair) : sizeof(text_parts) / sizeof(pair);
        for (size_t i = 0; i < n; i++)
            if (stem == table[i].theirs) return table[i].ours + suffix;
        return name;
    }

    // The pooling head's queries, keys and values are thirds of one tensor's rows.
    static void split(const std::string & suffix, const raw_tensor & fused, tensor_table & out) {
        const char * const parts[] = {"v.head.attn_q.", "v.head.attn_k.", "v.head.attn_v."};
        for (size_t i = 0; i < 3; i++) {
            raw_tensor third = fused;
            if (!third.ne.empty() && third.ne.back() % 3 == 0) {
                third.ne.back() /= 3;
                third.n_bytes /= 3;
                third.offset += i * third.n_bytes;
            }
            out.tensors.emplace(parts[i] + suffix, std::move(third));
        }
    }

    // [patch * patch * channel, width] is the convolution's kernel written as a matrix.
    void unfold(raw_tensor & tensor) const {
        const int64_t patch = file_.integer("vit.patch_size", 1, limits::max_patch);
        if (tensor.ne[0] == 3 * patch * patch) tensor.ne = {patch, patch, 3, tensor.ne[1]};
    }

    const gguf_file & file_;
    const bool is_vision_;
};

}  // namespace

bool is_crisp_embed(const gguf_file & file) {
    const std::string architecture = file.string(names::architecture, "");
    return architecture == "vit" || architecture == "clip_text";
}

model_source open_crisp_embed(const gguf_file & file, const read_options & options) {
    return crisp_reader(file).run(options);
}

}  // namespace ggclip
