#include "engine/thread-placement.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace ggclip {

#if defined(__linux__)

int current_cpu() { return sched_getcpu(); }

void leave_cpus(const std::vector<int> & taken) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;  // more CPUs than the set has places for
    cpu_set_t others = allowed;
    for (int cpu : taken) {
        if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_CLR(cpu, &others);
    }
    if (CPU_COUNT(&others) == 0) return;
    if (sched_setaffinity(0, sizeof(others), &others) == 0) sched_setaffinity(0, sizeof(allowed), &allowed);
}

#else

int  current_cpu() { return -1; }
void leave_cpus(const std::vector<int> &) {}

#endif

}  // namespace ggclip
