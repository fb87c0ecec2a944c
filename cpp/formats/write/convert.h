// Any model that ggclip opens -> one GGUF file in our own layout (docs/gguf-layout.md), quantised on the way.
#pragma once

#include "engine/weights/model-source.h"
#include "formats/write/quant-policy.h"

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace ggclip {

struct type_override {
    std::string pattern;  // of canonical tensor names; * stands for any characters, ? for one
    ggml_type type;
};

struct convert_options {
    // f32, f16, bf16, q4_0 to q8_0, a K-quant, iq4_nl or iq4_xs; GGML_TYPE_COUNT keeps each matrix's type
    ggml_type type = GGML_TYPE_F16;
    quant_policy policy = quant_policy::uniform;
    // The first match decides instead of `type` and `policy`. Vectors stay f32, position tables f32 or f16 and the
    // patch embedding f16 or better whatever is asked.
    std::vector<type_override> overrides;
    // How much each column of a matrix matters, [n_in] by name; positive means and sums serve alike, zeros are raised.
    std::map<std::string, std::vector<float>> importance;
    int n_threads = 0;  // 0: the machine's, at most 16
};

struct convert_progress {
    size_t n_tensors_done, n_tensors;
    uint64_t n_bytes_done, n_bytes;  // of the output's tensor data
    std::string name;                // tensor being written
};

struct convert_report {
    uint64_t n_bytes = 0;                     // file size
    std::map<std::string, size_t> n_tensors;  // by type name
};

// Overwrites `path` in one step at the end, after the new file has been opened and found to be what it should. Peak
// memory is a few rows per thread. `progress` is called on the calling thread and may throw; `cancelled` is looked at
// between rows and ends in ABORTED. Source weights that are not finite, or too large for a type with f16 scales, are
// refused with FILE_FORMAT.
convert_report convert(const model_source & source, const tokenizer_source & tokenizer, const std::string & path,
                       const convert_options & options,
                       const std::function<void(const convert_progress &)> & progress = nullptr,
                       const std::atomic<bool> * cancelled = nullptr);

// The type that a tensor gets.
ggml_type converted_type(const source_tensor & tensor, const convert_options & options);

}  // namespace ggclip
