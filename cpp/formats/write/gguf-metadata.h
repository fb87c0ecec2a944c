// The keys of our own GGUF layout, version 1 (docs/gguf-layout.md). gguf-model.cpp reads them.
#pragma once

#include "engine/weights/model-source.h"
#include "formats/write/gguf-writer.h"

namespace ggclip {

// `type`: of most matrices, or GGML_TYPE_COUNT when mixed
void write_metadata(const model_source & source, const tokenizer_source & tokenizer, ggml_type type,
                    gguf_writer & writer);

}  // namespace ggclip
