// config.json of transformers' image models beyond CLIP and SigLIP: DINOv2, DINOv3 (images only) and AIMv2.
#pragma once

#include "formats/families/hf-config.h"

namespace ggclip {

// Whether `type`, a model_type, is of one of them.
bool is_dino_type(const std::string & type);
bool is_aimv2_type(const std::string & type);

// A side in pixels: a number or two equal ones.
int32_t read_side(const json_ref & config, const char * key, int32_t fallback, int64_t max);

// Width of DINOv2's SwiGLU (Dinov2SwiGLUFFN): two thirds of the MLP's, in multiples of 8.
int32_t dino_gated_width(int32_t n_ff);

// As read_hf_config(), for those types.
hparams read_dino_config(const hf_files & files, const std::string & type, const read_options & options,
                         const tensor_table & table, source_names & names);
hparams read_aimv2_config(const hf_files & files, const std::string & type, const read_options & options,
                          const tensor_table & table, source_names & names);

}  // namespace ggclip
