// Weight matrices in the kernels' panel layout: their memory, and the threads that fill it. Matrices are registered one
// by one while a model's tensors are looked up, then filled together, one strip of rows at a time, so that each thread
// needs only a strip of memory besides the panels.
#pragma once

#include "engine/weights/weights.h"

#include <atomic>
#include <vector>

namespace ggclip {

class weight_packer {
  public:
    // Panels belong to `memory`, which must outlive all uses of them.
    weight_packer(const kernels::kernel_table & table, std::vector<aligned_bytes> & memory)
        : table_(table), memory_(memory) {}

    // The matrix `from` as it will be after run(): rows converted to `type` if needed, then packed (kernel-rows.h).
    kernels::packed_matrix add(const source_tensor & from, int n_out, int n_in, ggml_type type,
                               kernels::weight_type packed_type);

    // Fills all registered matrices. Throws ABORTED once `cancelled` is set, and any conversion error.
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
    void pack(const strip & strip, std::vector<uint8_t> & converted, std::vector<uint8_t> & blocks) const;

    const kernels::kernel_table & table_;
    std::vector<aligned_bytes> & memory_;
    uint8_t * free_ = nullptr;  // remainder of the last memory block
    size_t n_free_ = 0;
    std::vector<matrix> matrices_;
    std::vector<strip> strips_;
};

}  // namespace ggclip
