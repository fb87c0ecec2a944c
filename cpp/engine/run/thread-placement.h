// Which CPUs the threads of a team run on.
//
// Linux may wake a thread on the CPU of the one that woke it while others idle, and takes some milliseconds to notice:
// for the whole of a short graph two threads of a team would share a CPU. So the one that wakes others keeps them off
// its own CPU, and one that finds itself on the CPU of another moves away. Which CPUs a thread may use stays as it was
// before. On other systems nothing of this does anything.
#pragma once

#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace ggclip {

int current_cpu();  // -1 if the system does not report it

// Moves the calling thread to a CPU that it may use and that is not among `taken`; does nothing if there is none.
void leave_cpus(const std::vector<int> & taken);

// Of one thread; its calls may not overlap.
class thread_placement {
  public:
    // For a thread that is about to be woken: not on this CPU, if it may use another.
    void keep_off(std::thread & thread, int cpu);
    // For that thread, once it is awake, or the one that has kept it off: all its CPUs again.
    void release(std::thread & thread);

  private:
#if defined(__linux__)
    cpu_set_t allowed_;
    bool kept_off_ = false;
#endif
};

}  // namespace ggclip
