// A tensor under the file's own name: readers produce it, layout/names/tensors.h maps the name.
#pragma once

#include "engine/text.h"
#include "engine/weights/byte-source.h"

#include <ggml.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ggclip {

struct raw_tensor {
    std::string path;                          // file it is in
    std::string file_name;                     // its original name, if strip_wrappers() has changed it
    std::string dtype;                         // the file's own word for the type, for messages
    ggml_type type = GGML_TYPE_COUNT;          // COUNT: a type that no weight may have (integers, f8, f64, ...)
    std::vector<int64_t> ne;                   // ggml order (fastest first), as many as the file says; may be empty
    std::shared_ptr<const byte_source> bytes;  // null: no data (an empty tensor)
    uint64_t offset = 0;                       // in `bytes`
    size_t n_bytes = 0;
};

// Unique by construction: readers refuse a second tensor of one name.
struct tensor_table {
    std::map<std::string, raw_tensor> tensors;
    std::vector<std::shared_ptr<const byte_source>> files;  // that tensors read from
    std::string format = "safetensors";                     // word for model_source
    bool is_script = false;                                 // a TorchScript archive
};

// Real names have less than 200 bytes; a file could make gigabytes of copies of long ones. Throws FILE_LIMIT.
void check_tensor_name(std::string_view name, const std::string & path);

// What wrappers put before or within names, taken away, in whatever order and number they stand: `module`
// (data-parallel training), `_orig_mod` (torch.compile), `_fsdp_wrapped_module` and `_checkpoint_wrapped_module`
// everywhere; `model` before all names, or before all of one tower; the name under which transformers keeps the two
// towers of a model with a task's head (`clip`, `owlvit`, `owlv2`). Throws TENSOR_DUPLICATE where two names become one.
void strip_wrappers(tensor_table & table);

}  // namespace ggclip
