// Text models of sentence-transformers: modules.json lists a transformer, its pooling, and a dense layer, each with a
// configuration of its own.
#pragma once

#include "formats/containers/json.h"
#include "formats/layout/names/tensors.h"

#include "engine/hparams.h"

#include <string>

namespace ggclip {

// Whether config.json is of a transformer that these models may contain.
bool is_sentence_encoder(const json_ref & config);

// Folders of the modules behind the transformer; "" where there is none.
struct sentence_modules {
    std::string pooling, dense;
};
// Throws MODEL_UNSUPPORTED for other modules or another order.
sentence_modules read_sentence_modules(const json_ref & modules);

struct sentence_files {
    json_ref config, pooling, dense, lengths;  // lengths: sentence_bert_config.json; it and `dense` may be absent
};
// Tensors of the dense layer are called dense_prefix + "linear.*" in `names`.
constexpr const char * dense_prefix = "sentence_transformers.dense.";
hparams read_sentence_config(const sentence_files & files, source_names & names);

}  // namespace ggclip
