// Families of transformers that pair an image tower with a text tower of BERT's kind: vision-text-dual-encoder,
// AltCLIP, and BLIP's image-text retrieval.
#pragma once

#include "formats/families/hf-config.h"

namespace ggclip {

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

}  // namespace ggclip
