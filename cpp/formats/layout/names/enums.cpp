#include "formats/layout/names/enums.h"

namespace ggclip {

namespace {

// indexed by enumerator
const char * const activations[] = {"none", "quick_gelu", "gelu", "gelu_tanh", "silu", "relu", "tanh"};
const char * const norm_orders[] = {"pre", "post", "branch"};
const char * const norm_kinds[] = {"layer", "rms"};
const char * const grid_filters[] = {"bilinear_antialias", "bicubic_antialias", "bicubic"};
const char * const rotary_pair_names[] = {"none", "neighbours", "halves"};
const char * const rotary_coordinate_names[] = {"index", "centered"};
const char * const poolings[] = {"cls", "eot", "last", "attention", "mean", "mean_query", "none"};
const char * const conv_kinds[] = {"conv", "depthwise", "norm", "mlp", "attention", "pool", "bottleneck", "mb_conv"};
const char * const resize_modes[] = {"shortest", "squash", "longest", "patches", "none"};
const char * const interpolations[] = {"nearest", "bilinear", "bicubic"};
const char * const crop_roundings[] = {"floor", "half_even"};
const char * const cleanings[] = {"whitespace_lower", "open_clip",    "canonicalize", "none",
                                  "repair",           "repair_lower", "lower",        "repair_canonicalize"};

template <typename T, size_t N>
bool find_word(const char * const (&words)[N], const std::string & word, T & value) {
    for (size_t i = 0; i < N; i++) {
        if (word == words[i]) {
            value = (T) i;
            return true;
        }
    }
    return false;
}

template <size_t N>
std::string join(const char * const (&words)[N]) {
    std::string text;
    for (size_t i = 0; i < N; i++) text += (i ? ", " : "") + std::string(words[i]);
    return text;
}

}  // namespace

#define GGCLIP_WORDS(type, words)                                                                      \
    const char * to_string(type value) { return words[(size_t) value]; }                               \
    bool from_string(const std::string & word, type & value) { return find_word(words, word, value); } \
    std::string words_of(type) { return join(words); }

GGCLIP_WORDS(norm_order, norm_orders)
GGCLIP_WORDS(norm_kind, norm_kinds)
GGCLIP_WORDS(grid_filter, grid_filters)
GGCLIP_WORDS(rotary_pairs, rotary_pair_names)
GGCLIP_WORDS(rotary_coordinates, rotary_coordinate_names)
GGCLIP_WORDS(activation, activations)
GGCLIP_WORDS(pooling, poolings)
GGCLIP_WORDS(conv_kind, conv_kinds)
GGCLIP_WORDS(resize_mode, resize_modes)
GGCLIP_WORDS(interpolation, interpolations)
GGCLIP_WORDS(crop_rounding, crop_roundings)
GGCLIP_WORDS(text_cleaning, cleanings)

#undef GGCLIP_WORDS

bool parse_activation(const std::string & word, activation & value) {
    if (word == "gelu_pytorch_tanh" || word == "gelu_new") {
        value = activation::gelu_tanh;
        return true;
    }
    return word != "none" && word != "relu" && from_string(word, value);
}

bool parse_activation_or_relu(const std::string & word, activation & value) {
    return word == "relu" ? from_string(word, value) : parse_activation(word, value);
}

}  // namespace ggclip
