// Hugging Face configuration (config.json, preprocessor_config.json) -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/read-options.h"
#include "formats/layout/names/tensors.h"

#include <initializer_list>
#include <string>

namespace ggclip {

// --- config.cpp ------------------------------------------------------------------------------------------------------

// Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
// `present` says which towers the configuration describes. `preprocessor` may be absent (family defaults).
// The tensors are asked where a configuration only names an architecture (M-CLIP), and how a tower was saved alone.
// `names`: the file's names for them.
struct hf_files {
    json_ref config, preprocessor, tokenizer;
};  // tokenizer: tokenizer_config.json, may be absent
hparams read_hf_config(const hf_files & files, const read_options & options, const tensor_table & table,
                       source_names & names);

// Sizes, norm and activation of a tower that CLIP's, SigLIP's and BLIP's configurations name alike.
struct hf_tower_defaults {
    int32_t n_embd, n_ff, n_layer, n_head;
    const char * act;
    double eps;
};
void read_hf_tower(const json_ref & config, const hf_tower_defaults & defaults, tower_hparams & tower);

// Whether a configuration found beside a model, or none, is that of an encoder of one of these types and all these
// sizes: a folder may hold another model's.
struct stated_size {
    const char * key;
    int64_t n;
};
bool describes_encoder(const json_ref & config, std::initializer_list<const char *> types,
                       std::initializer_list<stated_size> sizes);

// What tokenizer_config.json cuts texts to; `fallback` where it sets no limit (a number beyond every integer) or is
// silent.
int64_t max_length(const json_ref & tokenizer, int64_t fallback);

// true: config.json is of a family this reader knows or should complain about (it has a `model_type`)
bool is_hf_config(const json_ref & config);
bool is_supported_hf_config(const json_ref & config);

// --- preprocessor.cpp: preprocessor_config.json (transformers' CLIPImageProcessor, SiglipImageProcessor) -------------

// The image processor class whose defaults apply to missing values.
struct image_defaults {
    enum kind_t { clip, siglip, siglip2, chinese_clip, vit, owlvit, owlv2, dinov2, dinov3, blip, tips } kind = clip;
};

// `config` may be absent: then the family's defaults at the tower's size.
void read_hf_preprocessor(const json_ref & config, image_defaults defaults, const vision_hparams & vision,
                          image_hparams & image);

}  // namespace ggclip
