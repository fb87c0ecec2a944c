// The threads of a session on the packed path, and how they share a graph's nodes.
//
// Each node is split into chunks. A thread first takes the chunks of its own part, the same part in every node: it
// mostly reads data it has written itself, and another core's cache is farther away. It then takes remaining chunks
// from other parts, and moves to the next node once all chunks of this one are done. A thread waits only for threads
// that hold a chunk, so a preempted thread (busy machine, container CPU quota) delays the rest by at most one chunk.
// Between graphs, threads spin briefly and then sleep.
#pragma once

#include "engine/threads/thread-placement.h"

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

// A node's operation, described for the profile.
struct node_work {
    const char * kind = "";     // "linear", "attention", ...
    const char * layer = "";    // name of the weights, if any
    const char * type = "f32";  // of the weights
    int n_out = 0, n_in = 0, n_rows = 0;
    double n_ops = 0;  // a multiply-add counts as two; 0: only moves and rounds values

    void set_shape(int out, int in, int rows) {
        n_out = out;
        n_in = in;
        n_rows = rows;
    }
};

// The work of a custom node. The node's creator keeps it alive; the tensor's `extra` points to it.
struct team_node {
    ggml_custom_op_t run;
    void * userdata;
    node_work work;
};

// A graph consisting only of such nodes, ready for repeated runs.
class node_program {
  public:
    // False if the graph holds other operations, which only a ggml backend can run.
    bool compile(ggml_cgraph * graph, int n_threads);

    // A single node with one chunk per work item.
    node_program() = default;
    node_program(const team_node & node, int n_chunk) { add(node, nullptr, n_chunk); }

    // For a timed run.
    struct step_times {
        const node_work & work;
        int64_t wall_ns;  // from the previous node's end until all chunks are done
        int64_t busy_ns;  // time of all threads inside its chunks; they waited for the rest of wall * threads
    };
    std::vector<step_times> times() const;

  private:
    friend class thread_team;
    struct step {
        const team_node * node;
        ggml_tensor * dst;
        int n_chunk;
        int64_t n_done;  // chunks of the program done when this node is done
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
    explicit thread_team(int n_threads);  // includes the calling thread
    ~thread_team();
    thread_team(const thread_team &) = delete;
    thread_team & operator=(const thread_team &) = delete;

    // False if `abort` became true; outputs are then incomplete. `timed`: the program records the time of each node.
    bool run(node_program & program, const std::atomic<bool> & abort, bool timed = false);

    // Runs work(0), ..., work(n - 1) on all threads, in any order; false as above. Rethrows an exception of any of
    // them.
    bool for_each(int n, const std::function<void(int)> & work, const std::atomic<bool> & abort);

  private:
    // Progress in a thread's part of a node. Padded, so that threads do not share cache lines.
    class alignas(64) part {
      public:
        void reset() { value_.store(0, std::memory_order_relaxed); }
        // The next unclaimed chunk of [begin, end), or -1; nodes are numbered from 1.
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
    std::vector<int> cpus_;                     // [part] CPU where the thread started in this run; -1: not yet
    std::atomic<int> inside_{0};                // workers in work_on()
    std::atomic<uint64_t> generation_{0};       // of the program
    bool quit_ = false;
};

// Chunks per node: more than threads, so that others can take over a slow thread's share.
inline int chunks_for(int n_threads) { return n_threads == 1 ? 1 : 4 * n_threads; }

}  // namespace ggclip
