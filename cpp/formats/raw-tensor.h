// A tensor as a file names it, before names are mapped: what readers produce and tensor-names.h consumes.
#pragma once

#include <ggml.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ggclip {

struct raw_tensor {
    std::string          path;                      // file it is in
    std::string          dtype;                     // the file's own word for the type, for messages
    ggml_type            type = GGML_TYPE_COUNT;    // COUNT: a type that no weight may have (integers, f8, f64, ...)
    std::vector<int64_t> ne;  // ggml order (fastest first), as many as the file says; may be empty
    const uint8_t *      data = nullptr;            // no alignment promised
    size_t               n_bytes = 0;
    bool                 mapped = true;             // false: memory of the reader's, whose pages must not be given back
};

// Unique by construction: readers refuse a second tensor of one name.
struct tensor_table {
    std::map<std::string, raw_tensor>        tensors;
    std::vector<std::shared_ptr<const void>> files;  // mappings that `data` points into
    std::string                              format = "safetensors";  // word for model_source
    bool                                     is_script = false;        // a TorchScript archive
};

inline std::string shape_text(const std::vector<int64_t> & ne) {
    std::string text = "[";
    for (size_t i = 0; i < ne.size(); i++) {
        text += (i ? ", " : "") + std::to_string(ne[i]);
    }
    return text + "]";
}

}  // namespace ggclip
