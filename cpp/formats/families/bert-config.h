// Text towers of the BERT kind (transformers' BertConfig, RobertaConfig, XLMRobertaConfig) -> hparams.
#pragma once

#include "formats/containers/json.h"
#include "formats/containers/raw-tensor.h"

#include "engine/hparams.h"

namespace ggclip {

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

}  // namespace ggclip
