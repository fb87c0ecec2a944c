#include "formats/families/gguf-model.h"

#include "engine/error.h"
#include "engine/names.h"
#include "formats/families/crisp-embed.h"
#include "formats/layout/enum-names.h"
#include "formats/containers/gguf-reader.h"
#include "formats/layout/limits.h"
#include "formats/layout/tensor-names.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace ggclip {

namespace {

const field_names GGUF_FIELDS = {
    "key clip.vision.image_size",           "key clip.vision.patch_size",          "key clip.vision.embedding_length",
    "key clip.vision.attention.head_count", "key clip.text.embedding_length",      "key clip.text.attention.head_count",
    "key clip.vision.resize_size",          "key clip.vision.image_size"};

std::string key_of(const char * pattern, const char * tower) {
    char text[128];
    snprintf(text, sizeof(text), pattern, tower);
    return text;
}

bool has_tensor(const gguf_file & file, const std::string & prefix) {
    const auto & map = file.tensors().tensors;
    const auto   at = map.lower_bound(prefix);
    return at != map.end() && at->first.compare(0, prefix.size(), prefix) == 0;
}

// llama.cpp's multimodal projector files share the architecture name but lack the shared space: they end
// before the last norm and the projection, often before the last block.
void refuse_projectors(const gguf_file & file) {
    std::string sign;
    for (const char * key : {names::PROJECTOR_TYPE, names::VISION_PROJECTOR_TYPE, "clip.audio.projector_type"}) {
        sign = file.has(key) ? std::string("key ") + key : sign;
    }
    sign = file.boolean(names::LLAVA_PROJECTOR, false) ? std::string("key ") + names::LLAVA_PROJECTOR : sign;
    sign = has_tensor(file, "mm.") ? "tensors named mm.*" : sign;
    if (!sign.empty()) {
        throw error(error_code::MODEL_UNSUPPORTED,
                    file.path() + ": expected a CLIP model, found a projector file of a multimodal language model (" +
                        sign + "): it holds no image embedding comparable to text");
    }
}

// A checkpoint's own tensor names under no key at all: nothing says what the numbers mean.
void refuse_raw_names(const gguf_file & file) {
    const bool raw = has_tensor(file, "vision_model.") || has_tensor(file, "text_model.") || has_tensor(file, "visual.");
    if (raw) {
        throw error(error_code::MODEL_UNSUPPORTED,
                    file.path() + ": expected tensors named v.* and t.* with their hyper-parameters, found a "
                                  "checkpoint's names (" + file.tensors().tensors.rbegin()->first +
                                  "): convert the original checkpoint instead");
    }
}

template <typename T>
T word(const gguf_file & file, const std::string & key, T fallback) {
    T value = fallback;
    if (file.has(key) && !from_string(file.string(key, ""), value)) {
        file.invalid(key, "one of " + words_of(value));
    }
    return value;
}

// One value for all blocks, or an array with one for each (pruned towers).
std::vector<int32_t> per_block(const gguf_file & file, const std::string & key, int32_t n_layer, int64_t max) {
    const auto found = file.values().find(key);
    if (found == file.values().end() || found->second.kind != gguf_kind::array) {
        return {static_cast<int32_t>(file.integer(key, 1, max))};
    }
    std::vector<int32_t> out;
    for (const double value : file.numbers(key, static_cast<size_t>(n_layer), 1, static_cast<double>(max))) {
        out.push_back(static_cast<int32_t>(value));
    }
    return out;
}

void read_blocks(const gguf_file & file, const char * name, tower_hparams & tower) {
    tower.n_layer = static_cast<int32_t>(file.integer(key_of(names::BLOCK_COUNT, name), 1, limits::MAX_LAYERS));
    const auto heads = per_block(file, key_of(names::HEAD_COUNT, name), tower.n_layer, limits::MAX_HEADS);
    const auto widths = per_block(file, key_of(names::FEED_FORWARD_LENGTH, name), tower.n_layer, limits::MAX_FF);
    tower.n_head = *std::max_element(heads.begin(), heads.end());
    tower.n_ff = *std::max_element(widths.begin(), widths.end());
    tower.d_head = static_cast<int32_t>(file.integer(key_of(names::KEY_LENGTH, name), 1, limits::MAX_WIDTH, 0));
    if (heads.size() == 1 && widths.size() == 1) {
        return;
    }
    if (tower.d_head == 0) {
        file.invalid(key_of(names::KEY_LENGTH, name), "the size of a head, as blocks have different numbers of them");
    }
    for (size_t i = 0; i < static_cast<size_t>(tower.n_layer); i++) {
        tower.pruned.push_back({heads.size() == 1 ? heads[0] : heads[i], widths.size() == 1 ? widths[0] : widths[i]});
    }
}

void read_tower(const gguf_file & file, const char * name, bool ours, tower_hparams & tower) {
    const auto count = [&](const char * pattern, int64_t max) {
        return static_cast<int32_t>(file.integer(key_of(pattern, name), 1, max));
    };
    tower.n_embd = count(names::EMBEDDING_LENGTH, limits::MAX_WIDTH);
    read_blocks(file, name, tower);
    tower.order = word(file, key_of(names::NORM_ORDER, name), norm_order::pre);
    tower.has_pre_ln = file.boolean(key_of(names::HAS_PRE_LN, name), tower.has_pre_ln);
    tower.has_post_ln = file.boolean(key_of(names::HAS_POST_LN, name), true);
    tower.norm_after_pool = file.boolean(key_of(names::NORM_AFTER_POOL, name), false);
    tower.n_proj_hidden = static_cast<int32_t>(file.integer(key_of(names::PROJECTION_HIDDEN, name), 1, limits::MAX_FF, 0));
    tower.eps = static_cast<float>(file.real(key_of(names::LAYER_NORM_EPS, name), limits::MIN_EPS, limits::MAX_EPS));
    tower.has_proj = file.boolean(key_of(names::HAS_PROJECTION, name), true);
    tower.has_proj_bias = file.boolean(key_of(names::HAS_PROJECTION_BIAS, name), false);
    // clip.cpp: true means exact GELU, and only vision's activation was asked
    tower.act = file.boolean(names::USE_GELU, false) ? activation::gelu_erf : activation::quick_gelu;
    const std::string act = key_of(names::HIDDEN_ACT, name);
    if (ours && !file.has(act)) {
        file.invalid(act, "one of " + words_of(tower.act));
    }
    tower.act = word(file, act, tower.act);
    if (tower.act == activation::none) {
        file.invalid(act, "quick_gelu, gelu or gelu_tanh");
    }
}

void read_image(const gguf_file & file, const vision_hparams & vision, image_hparams & image) {
    const int32_t image_size = vision.image_size;
    image.mode = word(file, names::RESIZE_MODE, resize_mode::shortest);  // Hugging Face CLIP's, when the file is silent
    image.filter = word(file, names::INTERPOLATION, interpolation::bicubic);
    image.rounding = word(file, names::CROP_ROUNDING, crop_rounding::floor);
    image.resize = static_cast<int32_t>(file.integer(names::RESIZE_SIZE, 1, limits::MAX_IMAGE, image_size));
    image.crop = image_size;
    if ((image.mode == resize_mode::patches) != vision.any_grid) {
        file.invalid(names::RESIZE_MODE, vision.any_grid ? "patches, as the tower takes any grid" : "another than patches, as the tower's grid is fixed");
    }
    if (vision.any_grid) {
        image.patch = vision.patch_size;
        image.max_patches = static_cast<int32_t>(file.integer(names::MAX_PATCHES, 1, limits::MAX_TOKENS));
    }
    if (image.mode != resize_mode::longest && image.resize < image.crop) {
        file.invalid(names::RESIZE_SIZE, "at least image_size (" + std::to_string(image_size) + ")");
    }
    const auto mean = file.numbers(names::IMAGE_MEAN, 3, -limits::MAX_MEAN, limits::MAX_MEAN);
    const auto std = file.numbers(names::IMAGE_STD, 3, limits::MIN_STD, limits::MAX_STD);
    for (size_t i = 0; i < 3; i++) {
        image.mean[i] = static_cast<float>(mean[i]);
        image.std[i] = static_cast<float>(std[i]);
    }
    const auto color = [&](const char * key, std::array<uint8_t, 3> & out) {
        if (file.has(key)) {
            const auto values = file.numbers(key, 3, 0, 255);
            for (size_t i = 0; i < 3; i++) {
                out[i] = static_cast<uint8_t>(values[i]);
            }
        }
    };
    color(names::FILL_COLOR, image.fill);
    color(names::BACKGROUND_COLOR, image.background);
}

void read_vision(const gguf_file & file, bool ours, hparams & hp) {
    vision_hparams & vision = hp.vision;
    read_tower(file, "vision", ours, vision);
    vision.image_size = static_cast<int32_t>(file.integer(names::IMAGE_SIZE, 1, limits::MAX_IMAGE));
    vision.patch_size = static_cast<int32_t>(file.integer(names::PATCH_SIZE, 1, limits::MAX_PATCH));
    vision.has_class_embd = file.boolean(names::HAS_CLASS_EMBD, true);
    vision.has_patch_bias = file.boolean(names::HAS_PATCH_BIAS, false);
    vision.pool = word(file, key_of(names::POOLING, "vision"), pooling::cls);
    const bool pools = vision.pool == pooling::attention || vision.pool == pooling::mean || (vision.pool == pooling::cls && vision.has_class_embd);
    if (!pools) {
        file.invalid(key_of(names::POOLING, "vision"), "cls (with a class embedding), attention or mean");
    }
    if (vision.pool == pooling::attention && !vision.pruned.empty()) {
        file.invalid(key_of(names::HEAD_COUNT, "vision"), "one number for all blocks and the attention pooling");
    }
    vision.any_grid = file.boolean(names::ANY_GRID, false);
    if (vision.any_grid && vision.has_class_embd) {
        file.invalid(names::ANY_GRID, "false with a class embedding");
    }
    read_image(file, vision, hp.image);
}

int32_t find_token(const std::vector<std::string> & tokens, const char * token, int32_t fallback) {
    for (size_t i = tokens.size(); i-- > 0;) {  // specials are at the end
        if (tokens[i] == token) {
            return static_cast<int32_t>(i);
        }
    }
    return fallback;
}

void read_text(const gguf_file & file, bool ours, hparams & hp, const std::vector<std::string> & tokens) {
    text_hparams & text = hp.text;
    read_tower(file, "text", ours, text);
    text.n_ctx = static_cast<int32_t>(file.integer(names::CONTEXT_LENGTH, 1, limits::MAX_CTX));
    const auto table = file.tensors().tensors.find(names::TOKEN_EMBD);
    const bool matrix = table != file.tensors().tensors.end() && table->second.ne.size() == 2 &&
                        table->second.ne[1] <= limits::MAX_VOCAB;
    // neither layout stores the vocabulary's size; a missing table is reported with the other tensors
    text.n_vocab = matrix ? static_cast<int32_t>(table->second.ne[1]) : static_cast<int32_t>(tokens.size());
    if (static_cast<int64_t>(tokens.size()) > text.n_vocab) {
        file.invalid(names::TOKENS,
                     "at most " + std::to_string(text.n_vocab) + " tokens (rows of " + names::TOKEN_EMBD + ")");
    }
    text.pool = word(file, key_of(names::POOLING, "text"), pooling::eot);
    text.causal = file.boolean(names::CAUSAL, true);
    text.sees_padding = file.boolean(names::SEES_PADDING, !text.causal);
    if (text.pool == pooling::attention || (text.pool == pooling::mean && (text.causal || text.sees_padding))) {
        file.invalid(key_of(names::POOLING, "text"), "eot, last, cls, or mean where padding is masked");
    }
    // the rows of the position table and of the token types stand in the tensors themselves
    const auto rows_of = [&](const char * tensor) {
        const auto found = file.tensors().tensors.find(tensor);
        const bool is_table = found != file.tensors().tensors.end() && found->second.ne.size() == 2 && found->second.ne[1] <= limits::MAX_CTX;
        return is_table ? static_cast<int32_t>(found->second.ne[1]) : 0;
    };
    text.position_offset = static_cast<int32_t>(file.integer(names::POSITION_OFFSET, 0, limits::MAX_CTX, 0));
    text.n_position = ours && !text.causal ? rows_of("t.position_embd.weight") : 0;
    text.n_token_type = ours ? rows_of(names::TOKEN_TYPE_EMBD) : 0;
    text.cleaning = word(file, names::CLEANING, text_cleaning::whitespace_lower);
    // clip.cpp stores no special ids: CLIP's vocabularies end with the start and end tokens
    const int32_t bos = ours ? -1 : find_token(tokens, "<|startoftext|>", text.n_vocab - 2);
    const int32_t eos = ours ? -1 : find_token(tokens, "<|endoftext|>", text.n_vocab - 1);
    const int64_t last = text.n_vocab - 1;
    text.bos_id = static_cast<int32_t>(file.integer(names::BOS_ID, 0, last, bos));
    text.eos_id = static_cast<int32_t>(file.integer(names::EOS_ID, 0, last, eos));
    // absent in a file of ours: the tokenizer says it, and no computation depends on it
    text.pad_id = static_cast<int32_t>(file.integer(names::PAD_ID, 0, last, ours ? -1 : eos));
    if (text.pad_id < 0 && !text.causal && !text.sees_padding) {
        file.invalid(names::PAD_ID, "an id, as padding is masked by it");
    }
}

// The first MLP matrix is the one that goes from n_embd to n_ff, whatever it is called. Files from clip.cpp
// (and most from llama.cpp's converters of that time) call it ffn_down.
name_scheme find_scheme(const gguf_file & file, const hparams & hp, bool ours) {
    for (const char tower : {'v', 't'}) {
        const tower_hparams & part = tower == 'v' ? static_cast<const tower_hparams &>(hp.vision) : hp.text;
        const auto found = file.tensors().tensors.find(std::string(1, tower) + ".blk.0.ffn_down.weight");
        if (!part.present || part.n_ff == part.n_embd || found == file.tensors().tensors.end()) {
            continue;
        }
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
    const gguf_file   file(std::move(bytes));
    if (is_crisp_embed(file)) {
        return open_crisp_embed(file, options);
    }
    const std::string architecture = file.string(names::ARCHITECTURE, "");
    if (architecture != "clip") {
        throw error(error_code::MODEL_UNSUPPORTED,
                    path + ": key " + names::ARCHITECTURE + ": this version computes \"clip\", found " +
                        (file.has(names::ARCHITECTURE) ? "\"" + architecture + "\"" : "nothing"));
    }
    refuse_projectors(file);
    refuse_raw_names(file);
    const int64_t layout = file.integer(names::LAYOUT, 1, INT32_MAX, 0);
    if (layout > names::LAYOUT_VERSION) {
        throw error(error_code::MODEL_UNSUPPORTED, path + ": key " + names::LAYOUT + ": expected at most " +
                                                       std::to_string(names::LAYOUT_VERSION) + ", found " +
                                                       std::to_string(layout) + " (written by a newer version)");
    }
    const bool   ours = layout > 0;
    model_source source;
    source.path = path;
    source.format = "gguf";
    hparams & hp = source.hp;
    hp.name = file.string(names::NAME, "");
    hp.family = file.string(names::FAMILY, "clip");
    hp.license = file.string(names::LICENSE, "");
    hp.source = file.string(names::SOURCE, "");
    hp.revision = file.string(names::REVISION, "");
    hp.logit_scale = static_cast<float>(
        file.real(names::LOGIT_SCALE, -limits::MAX_LOGIT_SCALE, limits::MAX_LOGIT_SCALE, hp.logit_scale));
    hp.logit_bias = static_cast<float>(file.real(names::LOGIT_BIAS, -1e4, 1e4, 0));
    hp.sigmoid = file.boolean(names::SIGMOID, false);
    hp.vision.present = file.boolean(names::HAS_VISION, has_tensor(file, "v."));
    hp.text.present = file.boolean(names::HAS_TEXT, has_tensor(file, "t."));
    if (!hp.vision.present && !hp.text.present) {
        file.invalid(names::HAS_VISION, "true, or " + std::string(names::HAS_TEXT) + " to be true");
    }
    if (file.tensors().tensors.empty()) {
        throw error(error_code::TENSOR_MISSING, path + ": expected the tensors of a CLIP model, found none");
    }
    want_towers(options, path, hp);
    if (hp.vision.present) {
        read_vision(file, ours, hp);
    }
    if (hp.text.present) {
        source.tokenizer.json = file.string(names::TOKENIZER_JSON, "");
        source.tokenizer.tokens = file.strings(names::TOKENS);
        source.tokenizer.merges = file.strings(names::MERGES);
        read_text(file, ours, hp, source.tokenizer.tokens);
    }
    check_hparams(hp, path, GGUF_FIELDS);
    const name_scheme scheme = find_scheme(file, hp, ours);
    hp.n_proj = projection_dim(file.tensors(), scheme, hp);
    bind_tensors(file.tensors(), scheme, source);
    return source;
}

}  // namespace ggclip
