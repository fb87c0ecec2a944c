// The names a PyTorch checkpoint's pickle may use, and the tensors built from it.
#pragma once

#include "formats/containers/torch/pickle.h"

#include <ggml.h>

namespace ggclip {

struct torch_dtype {
    const char * storage;  // class name, after "torch."
    const char * word;     // for messages
    size_t size;           // bytes per element
    ggml_type type;        // COUNT: readable, but not a weight type
};

struct torch_tensor {
    const torch_dtype * dtype = nullptr;
    std::string_view key;                // the storage's file name in the archive
    int64_t n_storage = 0, offset = 0;   // elements
    std::vector<int64_t> shape, stride;  // PyTorch's order
};

// Supports tensors, storages, parameters, ordered dicts, sizes, and the modules of a TorchScript archive.
class torch_types final : public pickle_host {
  public:
    bool knows(std::string_view global) const override;
    bool makes_objects(std::string_view global) const override;
    pickle_ref call(pickle & values, std::string_view global, pickle_ref arguments) override;
    pickle_ref persistent(pickle & values, pickle_ref id) override;

    // The tensor for a value of kind `host`, or null for a storage.
    const torch_tensor * tensor(const pickle_value & value) const;

  private:
    struct storage {
        const torch_dtype * dtype;
        std::string_view key;
        int64_t n;
    };
    pickle_ref rebuild_tensor(pickle & values, pickle_ref arguments);

    std::vector<storage> storages_;
    std::vector<torch_tensor> tensors_;
};

}  // namespace ggclip
