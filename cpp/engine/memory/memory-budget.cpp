#include "engine/memory/memory-budget.h"

#include "engine/error.h"

namespace ggclip {

static double megabytes(uint64_t n_bytes) { return (double) n_bytes / 1e6; }

void budget_share::resize(uint64_t n_bytes, const char * what) {
    if (n_bytes <= n_bytes_) {
        budget_.used_ -= n_bytes_ - n_bytes;
        n_bytes_ = n_bytes;
        return;
    }
    const uint64_t more = n_bytes - n_bytes_, limit = budget_.limit_;
    uint64_t used = budget_.used_;
    do {
        if (limit > 0 && (used > limit || more > limit - used)) {
            throw_error(error_code::OUT_OF_MEMORY,
                        "%s: %.1f MB more are needed, and %.1f of maxMemory's %.1f MB are used", what, megabytes(more),
                        megabytes(used), megabytes(limit));
        }
    } while (!budget_.used_.compare_exchange_weak(used, used + more));
    n_bytes_ = n_bytes;
}

}  // namespace ggclip
