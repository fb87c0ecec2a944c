// The families beside CLIP and SigLIP to which read_hf_config() hands a configuration, a file each.
#pragma once

#include "formats/families/hf/hf.h"

namespace ggclip {

// --- relatives.cpp: CLIPSeg, OWL-ViT, OWLv2, FG-CLIP: towers of CLIP or SigLIP, below their tasks' own heads ---------

// The model_type of the family whose towers these are: "owlvit_text_model" -> "clip_text_model". Others: unchanged.
std::string base_type(const std::string & type);

// OwlViTVisionConfig and Owlv2VisionConfig, where their defaults differ from CLIP's.
void read_owl_vision(const json_ref & config, bool v2, const tensor_table & table, vision_hparams & vision,
                     source_names & names);
// OwlViTTextConfig; the pooled token is the one with the highest id.
void read_owl_text(const json_ref & config, text_hparams & text);

// FG-CLIP: texts beyond the context are read through two position tables of their own, which others do not need.
void note_long_text(const json_ref & config, source_names & names);

// CLIPSeg's pictures may have another size than the tower was trained with: the positions are then resized.
void take_processor_size(hparams & hp, source_names & names);

// The image processor of a family, whose defaults apply where the file is silent. `type`: its own model_type.
image_defaults defaults_of(const std::string & type, const json_ref & processor);

// --- dual.cpp: vision-text-dual-encoder, AltCLIP, BLIP's retrieval: text towers of BERT's kind beside an image tower -

// VisionTextDualEncoderModel's text tower: BERT with its pooler (a dense layer and tanh), then a projection.
// `tokenizer`: tokenizer_config.json, or absent.
void read_dual_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text, source_names & names);

// Refuses image towers of a VisionTextDualEncoderModel other than CLIP's.
void check_dual_vision(const json_ref & config, const tensor_table & table, source_names & names);

// AltCLIPTextModel: XLM-RoBERTa, a norm and a linear layer, then a projection.
void read_altclip_text(const json_ref & config, const json_ref & tokenizer, text_hparams & text, source_names & names);

// BlipForImageTextRetrieval's contrastive towers; its matching head, which reads both, is not needed.
hparams read_blip_config(const hf_files & files, const read_options & options, const tensor_table & table,
                         source_names & names);

// --- vit.cpp: DINOv2, DINOv3 (images only) and AIMv2 -----------------------------------------------------------------

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

// --- tips.cpp: TIPS (Google): transformers' Tipsv2Config, and the flat one of Google's own files ---------------------

// Whether `type` is a model_type of TIPS, of both towers or of one.
bool is_tips_type(const std::string & type);

// As read_hf_config(), for those types.
hparams read_tips_config(const hf_files & files, const std::string & type, const read_options & options,
                         const tensor_table & table, source_names & names);

// --- jina.cpp: jina-clip-v1 and -v2 ----------------------------------------------------------------------------------

hparams read_jina_config(const hf_files & files, const read_options & options, const tensor_table & table,
                         source_names & names);

}  // namespace ggclip
