// The interface between formats and engine: a model as hyper-parameters plus named, typed byte ranges. A format reader
// opens its files and fills this; the engine decides what to read, convert or pack.
#pragma once

#include "engine/weights/byte-source.h"
#include "engine/hparams.h"
#include "engine/weights/tensor-list.h"

#include <ggml.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ggclip {

// One tensor under ggclip's canonical name (see engine/names.h), in ggml's dimension order. Nothing is read until used.
struct source_tensor {
    std::string name;    // canonical, e.g. "v.blk.0.attn_q.weight"
    std::string origin;  // name in the file, for messages
    tensor_role role = tensor_role::vector;
    ggml_type type = GGML_TYPE_F32;
    int n_dims = 1;
    int64_t ne[4] = {1, 1, 1, 1};
    std::shared_ptr<const byte_source> bytes;
    uint64_t offset = 0;  // in `bytes`
    size_t n_bytes = 0;
    bool transposed = false;  // stored as [ne1, ne0]; transposed while loading (f32, f16, bf16 only)
    // > 0: a patch's values are stored pixel by pixel, channels last, instead of channel by channel (same types)
    int32_t n_pixel_last = 0, n_channel_last = 0;
    bool as_stored() const { return !transposed && n_channel_last == 0; }
    void read(size_t at, size_t n, void * dst) const { bytes->read(offset + at, n, dst); }
};

// Tokenizer data: `json` (wins if several are filled) or `tokens`, or neither (no text tower).
struct tokenizer_source {
    std::string json;                 // a whole tokenizer.json
    std::vector<std::string> tokens;  // id order
    std::vector<std::string> merges;  // may be empty: recovered from id order
};

struct model_source {
    hparams hp;
    std::vector<source_tensor> tensors;  // unique names; exactly those that hp requires, shapes and types checked
    std::vector<std::string> ignored;    // tensors in the file that no tower uses (for `inspect`)
    tokenizer_source tokenizer;          // filled only by GGUF; directories keep separate tokenizer files
    std::string path;
    std::string format;                                     // "gguf", "safetensors" or "torch"
    std::vector<std::shared_ptr<const byte_source>> files;  // files that `tensors` reads from

    // Call after the last read: throws FILE_CHANGED if a file changed since it was opened.
    void check_unchanged() const {
        for (const auto & file : files) file->check_unchanged();
    }
};

}  // namespace ggclip
