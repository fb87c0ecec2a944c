// Which CPUs the threads of a team run on.
//
// Linux may wake a thread on its waker's CPU while other CPUs idle, and takes several milliseconds to correct that: for
// all of a short graph two threads of a team would share a CPU. So the waker keeps others off its own CPU, and a thread
// that finds itself on another's CPU moves away. The set of allowed CPUs is restored afterwards. On other systems all
// of this is a no-op.
#pragma once

#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace ggclip {

int current_cpu();  // -1 if the system does not report it

// Moves the calling thread to an allowed CPU not in `taken`; no-op if there is none.
void leave_cpus(const std::vector<int> & taken);

// For one thread; calls must not overlap.
class thread_placement {
  public:
    // For a thread about to be woken: excludes the current CPU if it may use another.
    void keep_off(std::thread & thread, int cpu);
    // Called by that thread once awake, or by the one that kept it off: restores all its CPUs.
    void release(std::thread & thread);

  private:
#if defined(__linux__)
    cpu_set_t allowed_;
    bool kept_off_ = false;
#endif
};

}  // namespace ggclip
