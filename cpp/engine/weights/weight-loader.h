// Fills a `weights` from a `model_source`: finds tensors by canonical name, converts types, packs for the CPU's
// kernels, copies the rest as it is. Used once per model, then thrown away.
#pragma once

#include "engine/error.h"
#include "engine/weights/weight-packer.h"

#include <cstdarg>
#include <optional>
#include <unordered_map>

namespace ggclip {

class weight_loader {
  public:
    weight_loader(weights & out, const load_options & options);
    void load_vision();
    void load_text();
    void finish();  // copies and packs what was asked for

  private:
    void stop_if_cancelled() const;
    const source_tensor & find(const std::string & name) const;
    const source_tensor * find_optional(const std::string & name) const;
    void check_shape(const source_tensor & tensor, std::initializer_list<int64_t> expected) const;
    ggml_type memory_type(const source_tensor & tensor) const;
    ggml_type holding(const source_tensor & tensor, ggml_type wanted) const;
    void count(ggml_type type, size_t n_bytes);

    ggml_tensor * vector(const std::string & name, int64_t n);  // f32 [n]
    ggml_tensor * table(const std::string & name, int64_t n, int64_t rows, bool f32);
    linear_weights linear(const std::string & name, const std::string & bias, int64_t n_in, int64_t n_out);
    norm_weights norm(const std::string & weight, const std::string & bias, int64_t n);
    void tower(const char * prefix, const tower_hparams & hp, int64_t n_token, tower_weights & out);
    void projection(const char * weight, const char * bias, const char * hidden, const tower_hparams & hp,
                    tower_weights & out);
    void head(const vision_hparams & hp, head_weights & out);

    void copy();
    void pack(linear_weights & out, const source_tensor & from, ggml_type type, kernels::weight_type packed_type);

    struct pending_copy {
        ggml_tensor * tensor;
        const source_tensor * from;
    };

    weights & out_;
    const load_options & options_;
    ggml_type wanted_ = GGML_TYPE_COUNT;  // COUNT: as in the file
    size_t * n_bytes_ = nullptr;          // of the tower being loaded
    std::unordered_map<std::string, const source_tensor *> by_name_;
    std::vector<pending_copy> copies_;
    std::optional<weight_packer> packer_;  // absent without kernels
};

}  // namespace ggclip
