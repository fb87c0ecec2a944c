// GGUF files of CrispEmbed: one tower in each, architecture "vit" or "clip_text".
#pragma once

#include "engine/weights/model-source.h"
#include "formats/containers/gguf-reader.h"
#include "formats/read-options.h"

namespace ggclip {

bool is_crisp_embed(const gguf_file & file);

// Loads as a model with one tower. The layout has no logit scale; SentencePiece vocabularies without the rules around
// them are left out, so that texts fail for want of a tokenizer instead of getting wrong ids.
model_source open_crisp_embed(const gguf_file & file, const read_options & options);

}  // namespace ggclip
