#include "engine/memory/graph-memory.h"

#include "engine/error.h"

#include <new>

namespace ggclip {

graph_memory::graph_memory(ggml_backend_buffer_type_t type, memory_budget & budget)
    : type_(type), lent_{*type, this}, share_(budget) {
    lent_.iface.alloc_buffer = lend;
}

// Null if out of memory, as ggml expects.
ggml_backend_buffer_t graph_memory::lend(ggml_backend_buffer_type_t type, size_t size) {
    graph_memory & self = *static_cast<lent_type *>(type)->memory;
    const size_t nth = self.n_lent_++;
    try {
        if (nth == self.blocks_.size()) self.blocks_.emplace_back();
        ggml_backend_buffer_ptr & block = self.blocks_[nth];
        if (!block || block->size < size) {
            const uint64_t others = self.share_.size() - (block ? block->size : 0);
            block.reset();
            self.share_.resize(others, "");
            self.share_.resize(others + size, "scratch memory of a batch");
            block.reset(ggml_backend_buft_alloc_buffer(self.type_, size));
            if (!block) {
                self.share_.resize(others, "");
                return nullptr;
            }
        }
        ggml_backend_buffer_i calls = block->iface;
        calls.free_buffer = nullptr;
        return ggml_backend_buffer_init(block->buft, calls, block->context, size);
    } catch (const error &) {
        self.failure_ = std::current_exception();
        return nullptr;
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

void graph_memory::lay_out(ggml_cgraph * graph) {
    allocator_.reset();
    n_lent_ = 0;
    failure_ = nullptr;
    allocator_.reset(ggml_gallocr_new(&lent_));
    if (ggml_gallocr_alloc_graph(allocator_.get(), graph)) return;
    if (failure_) std::rethrow_exception(failure_);
    throw_error(error_code::OUT_OF_MEMORY, "could not allocate scratch memory");
}

}  // namespace ggclip
