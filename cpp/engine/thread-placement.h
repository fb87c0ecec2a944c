// Which CPU a thread runs on.
//
// Linux may wake a thread on the CPU of the one that woke it while others idle, and takes some milliseconds to notice: for
// the whole of a short graph two threads of a team then share a CPU. A thread that finds itself there moves away.
#pragma once

#include <vector>

namespace ggclip {

int current_cpu();  // -1 where the system does not tell

// Moves the calling thread to a CPU that it may use and that is not among `taken`; does nothing where there is none, and on
// other systems than Linux. The CPUs that the thread may use later stay what they were.
void leave_cpus(const std::vector<int> & taken);

}  // namespace ggclip
