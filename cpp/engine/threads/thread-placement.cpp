#include "engine/threads/thread-placement.h"

#if defined(__linux__)
#include <pthread.h>
#endif

namespace ggclip {

#if defined(__linux__)

int current_cpu() { return sched_getcpu(); }

static void remove(cpu_set_t & cpus, int cpu) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &cpus);
}

void leave_cpus(const std::vector<int> & taken) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;  // more CPUs than the set can hold
    cpu_set_t others = allowed;
    for (int cpu : taken) remove(others, cpu);
    if (CPU_COUNT(&others) == 0) return;
    if (sched_setaffinity(0, sizeof(others), &others) == 0) sched_setaffinity(0, sizeof(allowed), &allowed);
}

void thread_placement::keep_off(std::thread & thread, int cpu) {
    if (kept_off_) release(thread);  // it has not woken since
    if (pthread_getaffinity_np(thread.native_handle(), sizeof(allowed_), &allowed_) != 0) return;
    cpu_set_t others = allowed_;
    remove(others, cpu);
    if (CPU_COUNT(&others) == 0) return;
    kept_off_ = pthread_setaffinity_np(thread.native_handle(), sizeof(others), &others) == 0;
}

void thread_placement::release(std::thread & thread) {
    if (!kept_off_) return;
    pthread_setaffinity_np(thread.native_handle(), sizeof(allowed_), &allowed_);
    kept_off_ = false;
}

#else

int current_cpu() { return -1; }
void leave_cpus(const std::vector<int> &) {}
void thread_placement::keep_off(std::thread &, int) {}
void thread_placement::release(std::thread &) {}

#endif

}  // namespace ggclip
