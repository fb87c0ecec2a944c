#include "formats/write/gguf-writer.h"

#include "engine/hparams-fields.h"
#include "formats/layout/names/enums.h"

namespace ggclip {

namespace {

// ggml's word for a file's main type; informational, readers go by the tensors' types
ggml_ftype file_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32: return GGML_FTYPE_ALL_F32;
        case GGML_TYPE_F16: return GGML_FTYPE_MOSTLY_F16;
        case GGML_TYPE_BF16: return GGML_FTYPE_MOSTLY_BF16;
        case GGML_TYPE_Q4_0: return GGML_FTYPE_MOSTLY_Q4_0;
        case GGML_TYPE_Q4_1: return GGML_FTYPE_MOSTLY_Q4_1;
        case GGML_TYPE_Q5_0: return GGML_FTYPE_MOSTLY_Q5_0;
        case GGML_TYPE_Q5_1: return GGML_FTYPE_MOSTLY_Q5_1;
        case GGML_TYPE_Q8_0: return GGML_FTYPE_MOSTLY_Q8_0;
        case GGML_TYPE_Q2_K: return GGML_FTYPE_MOSTLY_Q2_K;
        case GGML_TYPE_Q3_K: return GGML_FTYPE_MOSTLY_Q3_K;
        case GGML_TYPE_Q4_K: return GGML_FTYPE_MOSTLY_Q4_K;
        case GGML_TYPE_Q5_K: return GGML_FTYPE_MOSTLY_Q5_K;
        case GGML_TYPE_Q6_K: return GGML_FTYPE_MOSTLY_Q6_K;
        case GGML_TYPE_IQ4_NL: return GGML_FTYPE_MOSTLY_IQ4_NL;
        case GGML_TYPE_IQ4_XS: return GGML_FTYPE_MOSTLY_IQ4_XS;
        default: return GGML_FTYPE_UNKNOWN;
    }
}

// Writes the fields that hparams-fields.h lists.
class field_writer {
  public:
    explicit field_writer(gguf_writer & writer) : writer_(writer) {}

    template <class T>
    void operator()(const hparam & field, const T & value, const T & fallback) {
        const bool silent = field.kind == in_file::optional && value == fallback;
        if (field.kind != in_file::derived && !silent) set(field.key(), value);
    }

    // For pruned towers one value per block, as in llama.cpp.
    void operator()(const hparam & field, const tower_hparams & tower, int32_t tower_hparams::*most,
                    int32_t block_hparams::*each) {
        if (tower.pruned.empty()) {
            set(field.key(), tower.*most);
            return;
        }
        std::vector<uint32_t> values;
        for (const block_hparams & block : tower.pruned) values.push_back((uint32_t) (block.*each));
        writer_.set_u32s(field.key(), values.data(), values.size());
    }

    // One value for each convolutional layer.
    template <class T>
    void operator()(const hparam & field, const std::vector<conv_layer> & layers, T conv_layer::*member) {
        if (layers.empty()) return;
        if constexpr (std::is_enum_v<T>) {
            std::vector<std::string> words;
            for (const conv_layer & layer : layers) words.push_back(to_string(layer.*member));
            writer_.set_strings(field.key(), words);
        } else {
            std::vector<uint32_t> values;
            for (const conv_layer & layer : layers) values.push_back((uint32_t) (layer.*member));
            writer_.set_u32s(field.key(), values.data(), values.size());
        }
    }

  private:
    void set(const std::string & key, int32_t value) { writer_.set_u32(key, (uint32_t) value); }
    void set(const std::string & key, float value) { writer_.set_f32(key, value); }
    void set(const std::string & key, bool value) { writer_.set_bool(key, value); }
    void set(const std::string & key, const std::string & value) { writer_.set_string(key, value); }
    void set(const std::string & key, const std::array<float, 3> & value) {
        writer_.set_f32s(key, value.data(), value.size());
    }
    void set(const std::string & key, const std::array<uint8_t, 3> & value) {
        const uint32_t values[3] = {value[0], value[1], value[2]};
        writer_.set_u32s(key, values, 3);
    }
    template <class Word, class = std::enable_if_t<std::is_enum_v<Word>>>
    void set(const std::string & key, Word value) {
        writer_.set_string(key, to_string(value));
    }

    gguf_writer & writer_;
};

void write_tokenizer(const tokenizer_source & tokenizer, gguf_writer & writer) {
    if (!tokenizer.json.empty()) writer.set_string(names::tokenizer_json, tokenizer.json);
    if (!tokenizer.tokens.empty()) writer.set_strings(names::tokens, tokenizer.tokens);
    if (!tokenizer.merges.empty()) writer.set_strings(names::merges, tokenizer.merges);
}

// For other readers of the layout; ours use hidden_act and the projection's shape.
void write_for_others(const hparams & hp, gguf_writer & writer) {
    writer.set_bool(names::use_gelu, (hp.vision.present ? hp.vision.act : hp.text.act) == activation::gelu_erf);
    if (hp.vision.present) writer.set_u32(names::key_of(names::projection_dim, "vision"), (uint32_t) hp.n_proj);
    if (hp.text.present) writer.set_u32(names::key_of(names::projection_dim, "text"), (uint32_t) hp.n_proj);
}

}  // namespace

void write_metadata(const model_source & source, const tokenizer_source & tokenizer, ggml_type type,
                    gguf_writer & writer) {
    const hparams & hp = source.hp;
    const bool both = hp.vision.present && hp.text.present;
    writer.set_string(names::architecture, "clip");
    writer.set_string(names::description, both                ? "two-tower CLIP model"
                                          : hp.vision.present ? "vision-only CLIP model"
                                                              : "text-only CLIP model");
    if (file_type(type) != GGML_FTYPE_UNKNOWN) writer.set_u32(names::file_type, (uint32_t) file_type(type));
    writer.set_u32(names::quant_version, GGML_QNT_VERSION);
    writer.set_u32(names::layout, names::layout_version);
    field_writer fields(writer);
    visit_hparams(hp, fields);
    write_for_others(hp, writer);
    if (hp.text.present) write_tokenizer(tokenizer, writer);
}

}  // namespace ggclip
