// Cancelling the jobs of a session's thread.
#pragma once

#include "engine/run/session.h"

#include <cstdint>
#include <mutex>

namespace ggclip::binding {

// Which jobs abort() means: all that were queued before it, whether they run already or not, and none queued after it.
class job_tickets {
  public:
    uint64_t queue();                                 // of a new job; JavaScript thread
    void     abort();                                 // from any thread
    void     begin(uint64_t ticket, session & engine);  // throws ABORTED; the session's thread, as is end()
    void     end();

  private:
    std::mutex mutex_;
    uint64_t   n_queued_ = 0, n_aborted_ = 0;
    session *  running_ = nullptr;
};

}  // namespace ggclip::binding
