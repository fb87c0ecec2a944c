// open_clip's models: open_clip_config.json -> hparams.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/read-options.h"
#include "formats/layout/names/tensors.h"

#include <string>

namespace ggclip {

struct open_clip_files {
    json_ref config;  // open_clip_config.json
    json_ref beside;  // the folder's config.json, or absent: may describe the text tower or tell the activation
    json_ref text;    // config.json of the folder that `hf_model_name` names, or absent: describes the text tower
};

// config.cpp. Fills everything but tower presence that depends on tensors, n_proj and the logit scalars.
// `folder` may tell where the files come from. The tensors are asked where the configuration only names an
// architecture. `names`: what the file calls them.
hparams read_open_clip_config(const open_clip_files & files, const std::string & folder, const read_options & options,
                              const tensor_table & table, source_names & names);

// --- preprocess.cpp: open_clip's image preprocessing, which others have copied ---------------------------------------

// A side in pixels: a number or two equal ones.
int32_t read_side(const json_ref & value, int32_t fallback);

// preprocess_cfg, or jina-clip's preprocessor_config.json. `image_size`: where it is silent.
void read_preprocess(const json_ref & config, int32_t image_size, image_hparams & image);

// --- transformers.cpp: transformers' tokenizers (`hf_tokenizer_name`) and text towers (`hf_model_name`) --------------

// `config`: text_cfg. Cleaning and special ids of a text tower whose tokenizer is transformers'; asks text.pool.
void read_hf_tokenizer(const json_ref & config, text_hparams & text);

// `beside`: the folder's config.json (or absent), which may describe the tower. Asks hp.n_proj.
void read_hf_text(const json_ref & config, const tensor_table & table, const json_ref & beside, const hparams & hp,
                  text_hparams & text, source_names & names);

// --- known-sources.cpp: facts about published checkpoints whose own configuration omits them -------------------------

// For an open_clip_config.json without `quick_gelu`: true when the folder's config.json (or absent) describes the same
// image tower (`vision_cfg`) and states quick_gelu, or the folder's name, or its place in a hub cache, is that of a
// checkpoint trained with it (Apple's DFN). Else false: open_clip's default, the exact GELU.
bool trained_with_quick_gelu(const json_ref & vision_cfg, const json_ref & beside, const std::string & folder);

}  // namespace ggclip
