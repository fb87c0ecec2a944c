// The threads of a session on the packed path, and how they share a graph's nodes.
//
// Each node is cut into chunks. A thread first takes those of its own part of the node, the same part of every node:
// what it reads there it has mostly written itself, and another core's cache is farther away than its own. Then it
// takes what is left of the others' parts, and goes on to the next node when all chunks of this one are done. No thread
// waits for another that holds no chunk, so a thread that the system has put aside (a busy machine, a container with a
// CPU quota) delays the rest by one chunk at most. Between graphs the threads sleep, after a moment.
#pragma once

#include "engine/run/thread-placement.h"

#include <ggml.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace ggclip {

// The operation of a node in words and numbers, for the profile.
struct node_work {
    const char * kind = "";     // "linear", "attention", ...
    const char * layer = "";    // name of the weights, if it has any
    const char * type = "f32";  // of the weights
    int n_out = 0, n_in = 0, n_rows = 0;
    double n_ops = 0;  // a multiply-add counts as two; 0: it moves and rounds values only

    void set_shape(int out, int in, int rows) {
        n_out = out;
        n_in = in;
        n_rows = rows;
    }
};

// The work of a custom node. The node's creator keeps it alive, and the tensor's `extra` points to it.
struct team_node {
    ggml_custom_op_t run;
    void * userdata;
    node_work work;
};

// A graph that consists of such nodes only, ready to be run again and again.
class node_program {
  public:
    // False when the graph holds other operations, which only a ggml backend can run.
    bool compile(ggml_cgraph * graph, int n_threads);

    // One node in as many chunks as there are things to do.
    node_program() = default;
    node_program(const team_node & node, int n_chunk) { add(node, nullptr, n_chunk); }

    // Of a run that took times.
    struct step_times {
        const node_work & work;
        int64_t wall_ns;  // from the end of the node before until all chunks were done
        int64_t busy_ns;  // of all threads in its chunks; the rest of wall * threads they waited
    };
    std::vector<step_times> times() const;

  private:
    friend class thread_team;
    struct step {
        const team_node * node;
        ggml_tensor * dst;
        int n_chunk;
        int64_t n_done;  // chunks of the program when this node is done
        std::atomic<int64_t> busy_ns{0}, end_ns{0};

        int64_t clock_chunk(int64_t began);  // returns the time
    };
    void add(const team_node & node, ggml_tensor * dst, int n_chunk);

    std::deque<step> steps_;  // a deque: atomics do not move
    bool timed_ = false;
    int64_t begin_ns_ = 0;
};

class thread_team {
  public:
    explicit thread_team(int n_threads);  // the calling thread is one of them
    ~thread_team();
    thread_team(const thread_team &) = delete;
    thread_team & operator=(const thread_team &) = delete;

    // False when `abort` became true; the outputs are then incomplete. `timed`: the program keeps what each node took.
    bool run(node_program & program, const std::atomic<bool> & abort, bool timed = false);

    // work(0), ..., work(n - 1) on all threads, in any order; false as above. Throws what one of them has thrown.
    bool for_each(int n, const std::function<void(int)> & work, const std::atomic<bool> & abort);

  private:
    // Progress in a thread's part of a node. Kept apart in memory, so that threads do not share cache lines.
    class alignas(64) part {
      public:
        void reset() { value_.store(0, std::memory_order_relaxed); }
        // The next unclaimed chunk of [begin, end), or -1; nodes count from 1.
        int take(uint32_t node, int begin, int end);

      private:
        std::atomic<uint64_t> value_{0};  // node << 32 | next chunk
    };

    void worker_loop(int ith);
    void take_place(int ith);
    void work_on(node_program & program, int ith, const std::atomic<bool> & abort);
    int work_on_node(node_program::step & step, uint32_t node, int ith, bool timed);

    const int n_part_;  // number of threads if all had started
    std::unique_ptr<part[]> parts_;
    alignas(64) std::atomic<int64_t> done_{0};  // chunks of the program
    std::vector<std::thread> workers_;
    std::mutex mutex_;
    std::condition_variable wake_, left_;
    node_program * program_ = nullptr;  // null: nothing to do
    const std::atomic<bool> * abort_ = nullptr;
    std::vector<thread_placement> placements_;  // [worker]
    std::vector<int> cpus_;                     // [part] CPU on which the threads of this run started; -1: not yet
    std::atomic<int> inside_{0};                // workers in work_on()
    std::atomic<uint64_t> generation_{0};       // of the program
    bool quit_ = false;
};

// Chunks a node is cut into: more than threads, so that a slow thread's share is taken over by the others.
inline int chunks_for(int n_threads) { return n_threads == 1 ? 1 : 4 * n_threads; }

}  // namespace ggclip
