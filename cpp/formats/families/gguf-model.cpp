#include "formats/families/gguf-model.h"

#include "engine/error.h"
#include "engine/hparams-fields.h"
#include "formats/families/crisp-embed.h"
#include "formats/layout/names/enums.h"
#include "formats/containers/gguf-reader.h"
#include "formats/layout/limits.h"
#include "formats/layout/bind-tensors.h"

#include <algorithm>
#include <cstdint>

namespace ggclip {

namespace {

const field_names gguf_fields = {"key clip.vision.image_size",       "key clip.vision.patch_size",
                                 "key clip.vision.embedding_length", "key clip.vision.attention.head_count",
                                 "key clip.text.embedding_length",   "key clip.text.attention.head_count",
                                 "key clip.vision.resize_size",      "key clip.vision.image_size"};

bool has_tensor(const gguf_file & file, const std::string & prefix) {
    const auto & map = file.tensors().tensors;
    const auto at = map.lower_bound(prefix);
    return at != map.end() && at->first.compare(0, prefix.size(), prefix) == 0;
}

// llama.cpp's multimodal projector files share the architecture name but lack the shared space: they end
// before the last norm and the projection, often before the last block.
void refuse_projectors(const gguf_file & file) {
    std::string sign;
    for (const char * key : {names::projector_type, names::vision_projector_type, "clip.audio.projector_type"})
        sign = file.has(key) ? std::string("key ") + key : sign;
    sign = file.boolean(names::llava_projector, false) ? std::string("key ") + names::llava_projector : sign;
    sign = has_tensor(file, "mm.") ? "tensors named mm.*" : sign;
    if (!sign.empty()) {
        throw_error(error_code::MODEL_UNSUPPORTED,
                    file.path() + ": expected a CLIP model, found a projector file of a multimodal language model (" +
                        sign + "): it holds no image embedding comparable to text");
    }
}

// A checkpoint's own tensor names without any keys: the meaning of the numbers is unknown.
void refuse_raw_names(const gguf_file & file) {
    const bool raw =
        has_tensor(file, "vision_model.") || has_tensor(file, "text_model.") || has_tensor(file, "visual.");
    if (raw) {
        throw_error(error_code::MODEL_UNSUPPORTED,
                    file.path() +
                        ": expected tensors named v.* and t.* with their hyper-parameters, found a "
                        "checkpoint's names (" +
                        file.tensors().tensors.rbegin()->first + "): convert the original checkpoint instead");
    }
}

// Reads the fields that hparams-fields.h lists.
class field_reader {
  public:
    explicit field_reader(const gguf_file & file) : file_(file) {}

    void operator()(const hparam & field, int32_t & value, int32_t fallback) const {
        read(
            field, value, fallback,
            [&](const std::string & key) {
                return (int32_t) file_.integer(key, (int64_t) field.min, (int64_t) field.max);
            });
    }
    void operator()(const hparam & field, float & value, float fallback) const {
        read(
            field, value, fallback,
            [&](const std::string & key) { return (float) file_.real(key, field.min, field.max); });
    }
    void operator()(const hparam & field, bool & value, bool fallback) const {
        read(
            field, value, fallback, [&](const std::string & key) { return file_.boolean(key, fallback); });
    }
    void operator()(const hparam & field, std::string & value, const std::string & fallback) const {
        read(
            field, value, fallback, [&](const std::string & key) { return file_.string(key, fallback); });
    }
    template <class T, size_t N>
    void operator()(const hparam & field, std::array<T, N> & value, const std::array<T, N> & fallback) const {
        read(
            field, value, fallback,
            [&](const std::string & key) {
                std::array<T, N> out;
                const auto numbers = file_.numbers(key, N, field.min, field.max);
                for (size_t i = 0; i < N; i++) out[i] = (T) numbers[i];
                return out;
            });
    }
    template <class Word, class = std::enable_if_t<std::is_enum_v<Word>>>
    void operator()(const hparam & field, Word & value, Word fallback) const {
        read(
            field, value, fallback,
            [&](const std::string & key) {
                Word word = fallback;
                if (!from_string(file_.string(key, ""), word)) file_.invalid(key, "one of " + words_of(word));
                return word;
            });
    }

    // One value for all blocks, or an array with one for each (pruned towers).
    void operator()(const hparam & field, tower_hparams & tower, int32_t tower_hparams::*most,
                    int32_t block_hparams::*each) const {
        const std::string key = field.key();
        std::vector<int32_t> values;
        const auto found = file_.values().find(key);
        if (found == file_.values().end() || found->second.kind != gguf_kind::array) {
            (*this)(field, tower.*most, 0);
            values.push_back(tower.*most);
        } else {
            for (const double value : file_.numbers(key, (size_t) tower.n_layer, field.min, field.max))
                values.push_back((int32_t) value);
            tower.*most = *std::max_element(values.begin(), values.end());
            if (tower.pruned.empty()) tower.pruned.assign(values.size(), {tower.n_head, tower.n_ff});
        }
        for (size_t i = 0; i < tower.pruned.size(); i++)
            tower.pruned[i].*each = values.size() == 1 ? values[0] : values[i];
    }

    // One value for each convolutional layer.
    template <class T>
    void operator()(const hparam & field, std::vector<conv_layer> & layers, T conv_layer::*member) const {
        const std::string key = field.key();
        if (!file_.has(key) && layers.empty()) return;
        if constexpr (std::is_enum_v<T>) {
            const std::vector<std::string> words = file_.strings(key);
            if (layers.empty()) layers.resize(words.size());
            if (words.size() != layers.size() || words.size() > limits::max_conv_layers) wrong_count(key, layers);
            for (size_t i = 0; i < layers.size(); i++)
                if (!from_string(words[i], layers[i].*member)) file_.invalid(key, "words of " + words_of(T()));
        } else {
            const std::vector<double> numbers = file_.numbers(key, layers.size(), field.min, field.max);
            for (size_t i = 0; i < layers.size(); i++) layers[i].*member = (T) numbers[i];
        }
    }

  private:
    [[noreturn]] void wrong_count(const std::string & key, const std::vector<conv_layer> & layers) const {
        file_.invalid(key, layers.size() > limits::max_conv_layers
                               ? "at most " + std::to_string(limits::max_conv_layers) + " words"
                               : "one word for each of " + std::to_string(layers.size()) + " layers");
    }
    template <class T, class Read>
    void read(const hparam & field, T & value, const T & fallback, Read read_key) const {
        if (field.kind == in_file::derived) return;
        const std::string key = field.key();
        value = field.kind == in_file::required || file_.has(key) ? read_key(key) : fallback;
    }

    const gguf_file & file_;
};

// clip.cpp: true means exact GELU; only vision's activation is stored
activation layout_activation(const gguf_file & file) {
    return file.boolean(names::use_gelu, false) ? activation::gelu_erf : activation::quick_gelu;
}

// The relations that a tower of any kind has to keep.
void check_tower(const gguf_file & file, const char * name, bool ours, const tower_hparams & tower) {
    const std::string act = names::key_of(names::hidden_act, name);
    if (ours && !file.has(act)) file.invalid(act, "one of " + words_of(tower.act));
    if (tower.act == activation::none) file.invalid(act, "quick_gelu, gelu, gelu_tanh, silu or relu");
    const bool convolutional = name == std::string("vision") && file.has(names::conv_kind);
    if (tower.n_layer == 0 && !convolutional)
        file.invalid(names::key_of(names::block_count, name), "at least 1 without convolutional layers");
    if (!tower.pruned.empty() && tower.d_head == 0) {
        file.invalid(names::key_of(names::key_length, name),
                     "the size of a head, as blocks have different numbers of them");
    }
}

void read_vision(const gguf_file & file, bool ours, hparams & hp) {
    vision_hparams & vision = hp.vision;
    image_hparams & image = hp.image;
    vision_hparams fallback = vision_fallback();
    fallback.act = layout_activation(file);
    field_reader reader(file);
    visit_vision(hp, fallback, reader);
    check_tower(file, "vision", ours, vision);
    const std::string pool = names::key_of(names::pooling, "vision");
    const bool pools = vision.pool == pooling::attention || vision.pool == pooling::mean ||
                       (vision.pool == pooling::mean_query && !vision.layers.empty() && vision.n_layer == 0 &&
                        !vision.has_post_ln && vision.n_register == 0) ||
                       vision.pool == pooling::none || (vision.pool == pooling::cls && vision.has_class_embd);
    if (!pools)
        file.invalid(pool,
                     "cls (with a class embedding), attention, mean, none, or mean_query after convolutional layers");
    if (vision.has_class_embd && vision.n_layer == 0) file.invalid(names::has_class_embd, "false without blocks");
    if (vision.pool == pooling::attention && !vision.pruned.empty())
        file.invalid(names::key_of(names::head_count, "vision"), "one number for all blocks and the attention pooling");
    const bool whole_patches = image.mode == resize_mode::patches;
    if (whole_patches && !vision.any_grid)
        file.invalid(names::resize_mode, "another than patches, as the tower's grid is fixed");
    if (whole_patches && image.max_patches == 0)
        file.integer(names::max_patches, 1, limits::max_tokens);  // says that it is not there
    image.patch = whole_patches ? vision.patch_size : 0;
    image.max_patches = whole_patches ? image.max_patches : 0;
    if (image.mode != resize_mode::longest && image.resize < image.crop)
        file.invalid(names::resize_size, "at least the crop's size (" + std::to_string(image.crop) + ")");
}

int32_t find_token(const std::vector<std::string> & tokens, const char * token, int32_t fallback) {
    for (size_t i = tokens.size(); i-- > 0;)  // specials are at the end
        if (tokens[i] == token) return (int32_t) i;
    return fallback;
}

// Rows of a table according to its tensor; 0 if there is none.
int32_t table_rows(const gguf_file & file, const std::string & tensor, int64_t most) {
    const auto found = file.tensors().tensors.find(tensor);
    const bool is_table =
        found != file.tensors().tensors.end() && found->second.ne.size() == 2 && found->second.ne[1] <= most;
    return is_table ? (int32_t) found->second.ne[1] : 0;
}

void read_text(const gguf_file & file, bool ours, hparams & hp, const std::vector<std::string> & tokens) {
    text_hparams & text = hp.text;
    const auto table = [](const char * part) { return names::of_tensor('t', -1, part, "weight"); };
    const std::string token_embd = table(names::token_embd);
    // neither layout stores the vocabulary's size; a missing table is reported with the other tensors
    const int32_t rows = table_rows(file, token_embd, limits::max_vocab);
    text.n_vocab = rows > 0 ? rows : (int32_t) tokens.size();
    if ((int64_t) tokens.size() > text.n_vocab)
        file.invalid(names::tokens, "at most " + std::to_string(text.n_vocab) + " tokens (rows of " + token_embd + ")");
    text_hparams fallback = text_fallback();
    fallback.act = layout_activation(file);
    if (!ours) {  // clip.cpp stores no special ids: CLIP's vocabularies end with the start and end tokens
        fallback.bos_id = find_token(tokens, "<|startoftext|>", text.n_vocab - 2);
        fallback.eos_id = fallback.pad_id = find_token(tokens, "<|endoftext|>", text.n_vocab - 1);
    }
    field_reader reader(file);
    visit_text(hp, fallback, reader);
    check_tower(file, "text", ours, text);
    if (text.pool == pooling::attention || text.pool == pooling::mean_query ||
        (text.pool == pooling::mean && (text.causal || text.sees_padding)))
        file.invalid(names::key_of(names::pooling, "text"), "eot, last, cls, or mean where padding is masked");
    text.n_position = ours && !text.causal ? table_rows(file, table(names::position_embd), limits::max_ctx) : 0;
    text.n_token_type = ours ? table_rows(file, table(names::token_type_embd), limits::max_ctx) : 0;
    if (text.pad_id < 0 && !text.causal && !text.sees_padding)
        file.invalid(names::pad_id, "an id, as padding is masked by it");
}

// The first MLP matrix is the one that goes from n_embd to n_ff, whatever it is called. Files from clip.cpp
// (and most from llama.cpp's converters of that time) call it ffn_down.
name_scheme find_scheme(const gguf_file & file, const hparams & hp, bool ours) {
    for (const char tower : {'v', 't'}) {
        const tower_hparams & part = tower == 'v' ? static_cast<const tower_hparams &>(hp.vision) : hp.text;
        const auto found = file.tensors().tensors.find(std::string(1, tower) + ".blk.0.ffn_down.weight");
        if (!part.present || part.n_ff == part.n_embd || found == file.tensors().tensors.end()) continue;
        const std::vector<int64_t> first = {part.n_embd, part.n_ff};
        return found->second.ne == first ? name_scheme::clip_cpp : name_scheme::ggclip;
    }
    return ours ? name_scheme::ggclip : name_scheme::clip_cpp;
}

}  // namespace

model_source open_gguf(const std::string & path, const read_options & options) {
    return open_gguf(model_file::open(path, options.cancelled), options);
}

model_source open_gguf(std::shared_ptr<const model_file> bytes, const read_options & options) {
    const std::string path = bytes->path();
    const gguf_file file(std::move(bytes));
    if (is_crisp_embed(file)) return open_crisp_embed(file, options);
    const std::string architecture = file.string(names::architecture, "");
    if (architecture != "clip") {
        throw_error(error_code::MODEL_UNSUPPORTED,
                    path + ": key " + names::architecture + ": this version computes \"clip\", found " +
                        (file.has(names::architecture) ? "\"" + architecture + "\"" : "nothing"));
    }
    refuse_projectors(file);
    refuse_raw_names(file);
    const int64_t layout = file.integer(names::layout, 1, INT32_MAX, 0);
    if (layout > names::layout_version) {
        throw_error(error_code::MODEL_UNSUPPORTED, path + ": key " + names::layout + ": expected at most " +
                                                       std::to_string(names::layout_version) + ", found " +
                                                       std::to_string(layout) + " (written by a newer version)");
    }
    const bool ours = layout > 0;
    model_source source;
    source.path = path;
    source.format = "gguf";
    hparams & hp = source.hp;
    hp.vision.present = has_tensor(file, "v.");
    hp.text.present = has_tensor(file, "t.");
    field_reader reader(file);
    visit_model(hp, reader);
    if (!hp.vision.present && !hp.text.present)
        file.invalid(names::has_vision, "true, or " + std::string(names::has_text) + " to be true");
    if (file.tensors().tensors.empty())
        throw_error(error_code::TENSOR_MISSING, path + ": expected the tensors of a CLIP model, found none");
    want_towers(options, path, hp);
    if (hp.vision.present) read_vision(file, ours, hp);
    if (hp.text.present) {
        source.tokenizer.json = file.string(names::tokenizer_json, "");
        source.tokenizer.tokens = file.strings(names::tokens);
        source.tokenizer.merges = file.strings(names::merges);
        read_text(file, ours, hp, source.tokenizer.tokens);
    }
    check_hparams(hp, path, gguf_fields);
    const name_scheme scheme = find_scheme(file, hp, ours);
    hp.n_proj = projection_dim(file.tensors(), scheme, hp);
    bind_tensors(file.tensors(), scheme, source);
    return source;
}

}  // namespace ggclip
