// Text towers of the BERT kind (transformers' BertConfig, RobertaConfig, XLMRobertaConfig) -> hparams.
#pragma once

#include "formats/containers/json.h"
#include "formats/containers/raw-tensor.h"

#include "engine/hparams.h"

namespace ggclip {

// From a configuration. `type`: its model_type, "bert", "roberta", "xlm-roberta" or "chinese_clip_text_model".
// Leaves n_ctx at the longest sequence the position table allows; pooling and projection are the caller's.
void read_bert_config(const json_ref & config, const std::string & type, text_hparams & text);

// From the name of an architecture on the hub ("xlm-roberta-base") and the shapes of its tensors, as open_clip and
// M-CLIP build it. `name`: where the name stands. Throws MODEL_UNSUPPORTED for names that are not known.
void read_bert_architecture(const json_ref & name, const tensor_table & table, const std::string & prefix,
                            text_hparams & text);

bool is_bert_type(const std::string & type);

}  // namespace ggclip
