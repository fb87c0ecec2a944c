#include "binding/job-tickets.h"

#include "engine/error.h"

namespace ggclip::binding {

uint64_t job_tickets::queue() {
    std::lock_guard<std::mutex> lock(mutex_);
    return ++n_queued_;
}

void job_tickets::abort() {
    std::lock_guard<std::mutex> lock(mutex_);
    n_aborted_ = n_queued_;
    if (running_) running_->abort();
}

void job_tickets::begin(uint64_t ticket, session & engine) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (ticket <= n_aborted_) throw_error(error_code::ABORTED, "the call was cancelled");
    engine.reset_abort();
    running_ = &engine;
}

void job_tickets::end() {
    std::lock_guard<std::mutex> lock(mutex_);
    running_ = nullptr;
}

}  // namespace ggclip::binding
