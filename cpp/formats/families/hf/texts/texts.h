// Text towers that are encoders of transformers: from a configuration, or from the shapes of tensors, as open_clip and
// others build them by a name.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/containers/raw-tensor.h"

#include <string>

namespace ggclip {

// --- bert.cpp: the BERT kind (transformers' BertConfig, RobertaConfig, XLMRobertaConfig) -----------------------------

// From a configuration. `type`: its model_type, "bert", "roberta", "xlm-roberta", "chinese_clip_text_model",
// "altclip_text_model" or "blip_text_model".
// Leaves n_ctx at the longest sequence the position table allows; pooling and projection are the caller's.
void read_bert_config(const json_ref & config, const std::string & type, text_hparams & text);

// transformers' DistilBertConfig: a BERT without token types, with names of its own.
void read_distilbert_config(const json_ref & config, text_hparams & text);

// From the shapes of its tensors, as open_clip and M-CLIP build it from the name of an architecture on the hub
// ("xlm-roberta-base", "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"). `name`: where the name stands.
// `n_head`: heads that the file states, or 0: by the name or the width. Throws MODEL_UNSUPPORTED for tensors of another
// kind.
void read_bert_architecture(const json_ref & name, const tensor_table & table, const std::string & prefix,
                            int32_t n_head, text_hparams & text);

// Types of configurations that describe a BERT or RoBERTa.
bool is_bert_type(const std::string & type);

// Whether the tensors below `prefix` are named as a BERT's or RoBERTa's.
bool is_bert_shaped(const tensor_table & table, const std::string & prefix);

// --- m2m.cpp: M2M-100's encoder (NLLB), as open_clip takes it from transformers --------------------------------------

// Whether the tensors below `prefix` are named as M2M100Encoder's.
bool is_m2m_shaped(const tensor_table & table, const std::string & prefix);

// From the shapes of its tensors. `beside`: a configuration (or absent), which counts if it describes this encoder;
// without one, what all published models of the architecture have. Leaves n_ctx and n_position to the caller.
void read_m2m_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                      text_hparams & text);

// --- t5.cpp: mT5's encoder, as open_clip takes it from transformers --------------------------------------------------

// Whether the tensors below `prefix` are named as MT5EncoderModel's stack.
bool is_t5_shaped(const tensor_table & table, const std::string & prefix);

// From the shapes of its tensors, which tell the heads, too. `beside`: a configuration (or absent), which counts if it
// describes this encoder; without one, what all published models of the architecture have. Leaves n_ctx to the caller.
void read_t5_encoder(const tensor_table & table, const std::string & prefix, const json_ref & beside,
                     text_hparams & text);

}  // namespace ggclip
