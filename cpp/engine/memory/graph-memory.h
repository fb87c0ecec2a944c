// Memory for a tower's graphs, one at a time. It is kept and grows to the largest graph.
//
// ggml's graph allocator lays out a graph in it. Each graph gets a new allocator: the C code frees its state before
// allocating more, so after an exception from ggml-malloc.cpp an old allocator could be neither used nor freed. A new
// one can always be freed.
#pragma once

#include "engine/memory/memory-budget.h"

#include <ggml-alloc.h>
#include <ggml-backend-impl.h>
#include <ggml-cpp.h>

#include <exception>
#include <vector>

namespace ggclip {

class graph_memory {
  public:
    graph_memory(ggml_backend_buffer_type_t type, memory_budget & budget);
    graph_memory(const graph_memory &) = delete;
    graph_memory & operator=(const graph_memory &) = delete;

    // Places the graph's tensors; valid until the next graph. Throws OUT_OF_MEMORY.
    void lay_out(ggml_cgraph * graph);

  private:
    // A buffer type whose buffers are views of `blocks_`.
    struct lent_type : ggml_backend_buffer_type {
        graph_memory * memory;
    };
    static ggml_backend_buffer_t lend(ggml_backend_buffer_type_t type, size_t size);

    ggml_backend_buffer_type_t type_;
    lent_type lent_;
    budget_share share_;
    std::exception_ptr failure_;                   // of the latest allocation; none may pass through ggml's allocator
    std::vector<ggml_backend_buffer_ptr> blocks_;  // several if the device cannot allocate one of that size
    size_t n_lent_ = 0;
    ggml_gallocr_ptr allocator_;  // of the latest graph
};

}  // namespace ggclip
