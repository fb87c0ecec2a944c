// Weight matrices in the kernels' panels: where they lie, and the threads that fill them. Matrices are announced one by
// one while a model's tensors are looked up, then filled all at once, a strip of rows at a time, so that no thread
// holds more than a strip beside the panels.
#pragma once

#include "engine/weights/weights.h"

#include <atomic>
#include <vector>

namespace ggclip {

class weight_packer {
  public:
    // Panels belong to `memory`, which must outlive every use of them.
    weight_packer(const kernels::kernel_table & table, std::vector<aligned_bytes> & memory)
        : table_(table), memory_(memory) {}

    // The matrix `from` as it will be after run(): its rows converted to `type` where they differ, then packed.
    kernels::packed_matrix add(const source_tensor & from, int n_out, int n_in, ggml_type type,
                               kernels::weight_type packed_type);

    // Fills everything that was added. Throws ABORTED once `cancelled` is set; otherwise what converting throws.
    void run(int n_threads, const std::atomic<bool> * cancelled);

  private:
    struct matrix {
        source_tensor from;
        ggml_type type;
        kernels::weight_type packed_type;
        int n_out, n_in;
        uint8_t * dst;
    };
    struct strip {
        size_t matrix;
        int first, n;
    };

    uint8_t * reserve(size_t n_bytes);
    void pack(const strip & strip, std::vector<uint8_t> & converted) const;

    const kernels::kernel_table & table_;
    std::vector<aligned_bytes> & memory_;
    uint8_t * free_ = nullptr;  // what is left of the last block of memory
    size_t n_free_ = 0;
    std::vector<matrix> matrices_;
    std::vector<strip> strips_;
};

}  // namespace ggclip
