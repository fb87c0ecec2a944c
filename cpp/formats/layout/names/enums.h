// Names of enumerators in GGUF keys, `inspect` output and messages.
#pragma once

#include "engine/hparams.h"

#include <string>

namespace ggclip {

const char * to_string(activation value);          // none | quick_gelu | gelu | gelu_tanh | silu | relu | tanh
const char * to_string(norm_order value);          // pre | post | branch
const char * to_string(norm_kind value);           // layer | rms
const char * to_string(grid_filter value);         // bilinear_antialias | bicubic_antialias | bicubic
const char * to_string(rotary_pairs value);        // none | neighbours | halves
const char * to_string(rotary_coordinates value);  // index | centered
const char * to_string(pooling value);             // cls | eot | last | attention | mean | none
const char * to_string(resize_mode value);         // shortest | squash | longest | patches | none
const char * to_string(interpolation value);       // nearest | bilinear | bicubic
const char * to_string(crop_rounding value);       // floor | half_even
const char * to_string(text_cleaning value);       // whitespace_lower | open_clip | canonicalize | none | repair |
                                                   // repair_lower | lower | repair_canonicalize
const char * to_string(conv_kind value);           // conv | depthwise | ...: the enumerators

// false: unknown word; `value` is unchanged
bool from_string(const std::string & word, activation & value);
bool from_string(const std::string & word, norm_order & value);
bool from_string(const std::string & word, norm_kind & value);
bool from_string(const std::string & word, grid_filter & value);
bool from_string(const std::string & word, rotary_pairs & value);
bool from_string(const std::string & word, rotary_coordinates & value);
bool from_string(const std::string & word, pooling & value);
bool from_string(const std::string & word, conv_kind & value);
bool from_string(const std::string & word, resize_mode & value);
bool from_string(const std::string & word, interpolation & value);
bool from_string(const std::string & word, crop_rounding & value);
bool from_string(const std::string & word, text_cleaning & value);

// all words for a value's enum, for messages: "cls, eot, last, attention, mean, none"
std::string words_of(activation);
std::string words_of(norm_order);
std::string words_of(norm_kind);
std::string words_of(grid_filter);
std::string words_of(rotary_pairs);
std::string words_of(rotary_coordinates);
std::string words_of(pooling);
std::string words_of(conv_kind);
std::string words_of(resize_mode);
std::string words_of(interpolation);
std::string words_of(crop_rounding);
std::string words_of(text_cleaning);

// Parses a configuration's activation: one of our words, or transformers' aliases ("gelu_pytorch_tanh", "gelu_new").
// false: unsupported activation.
bool parse_activation(const std::string & word, activation & value);
// Also "relu", which some encoders of texts have.
bool parse_activation_or_relu(const std::string & word, activation & value);

}  // namespace ggclip
