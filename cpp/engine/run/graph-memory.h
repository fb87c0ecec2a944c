// The memory that a tower's graphs compute in, one graph after another: it is kept, and grows with the largest.
//
// What lays a graph out in it is ggml's graph allocator, new for each graph: its C code frees what it has before it
// asks for more, so one that an exception of ggml-malloc.cpp has passed through could be neither used again nor freed.
// A new one can be freed whenever that happens.
#pragma once

#include <ggml-alloc.h>
#include <ggml-backend-impl.h>
#include <ggml-cpp.h>

#include <vector>

namespace ggclip {

class graph_memory {
  public:
    explicit graph_memory(ggml_backend_buffer_type_t type);
    graph_memory(const graph_memory &) = delete;
    graph_memory & operator=(const graph_memory &) = delete;

    // Places the graph's tensors, until the next graph comes. Throws OUT_OF_MEMORY.
    void lay_out(ggml_cgraph * graph);

  private:
    // A type whose buffers are those of `blocks_`, lent.
    struct lent_type : ggml_backend_buffer_type {
        graph_memory * memory;
    };
    static ggml_backend_buffer_t lend(ggml_backend_buffer_type_t type, size_t size);

    ggml_backend_buffer_type_t type_;
    lent_type lent_;
    std::vector<ggml_backend_buffer_ptr> blocks_;  // one, or several where the device gives no single one of that size
    size_t n_lent_ = 0;
    ggml_gallocr_ptr allocator_;  // of the last graph
};

}  // namespace ggclip
