// Fills a `weights` from a `model_source`: walks the tensor list (tensor-list.h), finds each by name, converts types,
// packs for the CPU kernels, and copies the rest unchanged. Used once per model, then discarded.
#pragma once

#include "engine/error.h"
#include "engine/weights/weight-packer.h"

#include <optional>
#include <unordered_map>

namespace ggclip {

class weight_loader {
  public:
    weight_loader(weights & out, const load_options & options);
    void load();

  private:
    void stop_if_cancelled() const;
    const source_tensor & find(const std::string & name) const;
    void check_shape(const source_tensor & tensor, const std::vector<int64_t> & expected) const;
    ggml_type memory_type(const source_tensor & tensor) const;
    ggml_type holding(const source_tensor & tensor, ggml_type wanted) const;
    void count(ggml_type type, size_t n_bytes);

    ggml_tensor * copied(const expected_tensor & tensor, const source_tensor & from, ggml_type type);
    ggml_tensor * load_plain(const expected_tensor & tensor, const source_tensor & from);
    void load_matrix(expected_tensor tensor, const source_tensor & stored, linear_weights & out);
    void copy();
    void pack(linear_weights & out, const source_tensor & from, ggml_type type, kernels::weight_type packed_type);

    struct pending_copy {
        ggml_tensor * tensor;
        const source_tensor * from;
        std::vector<int64_t> ne;  // without the zeros that fill rows
    };

    weights & out_;
    const load_options & options_;
    ggml_type wanted_ = GGML_TYPE_COUNT;  // COUNT: the file's type
    size_t * n_bytes_ = nullptr;          // for the tower being loaded
    std::unordered_map<std::string, const source_tensor *> by_name_;
    std::vector<pending_copy> copies_;
    std::optional<weight_packer> packer_;  // absent without kernels
};

}  // namespace ggclip
