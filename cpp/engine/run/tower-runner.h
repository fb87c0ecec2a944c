// Builds a tower's graph for a batch, fills its inputs and runs it. Keeps the latest graph of each tower, since servers
// repeat the same shapes.
#pragma once

#include "engine/graph/graph.h"
#include "engine/memory/graph-memory.h"
#include "engine/memory/memory.h"
#include "engine/graph/positions/grid.h"
#include "engine/graph/positions/rotary.h"
#include "engine/run/batch.h"
#include "engine/run/profile.h"
#include "engine/run/session.h"
#include "engine/threads/thread-team.h"

#include <functional>
#include <ggml-cpu.h>

namespace ggclip {

struct threadpool_deleter {
    void operator()(ggml_threadpool * pool) const { ggml_threadpool_free(pool); }
};

// A graph and everything it points to.
struct built_graph {
    std::vector<int32_t> lengths, n_key;  // key: two batches of the same lengths and keys share a graph
    int width = 0, height = 0;            // likewise of images
    bool keeps = false;                   // states are its outputs; valid for one run only
    ggml_context_ptr ctx;
    std::unique_ptr<layer_ops> ops;
    tower_input input;
    named_tensors states;
    named_tensors inputs;  // per matrix; portable operations only
    ggml_cgraph * graph = nullptr;
    node_program program;
    bool on_thread_team = false;  // runs on the thread team; else on a ggml backend
    bool scheduled = false;       // run by ggml's scheduler, for one run only
    ggml_tensor * output = nullptr;
};

// What a single-input run keeps instead of producing an embedding. Same graph with different outputs: all tokens of a
// text, including padding, are computed, and all leave the last block.
struct kept_tensors {
    enum class kind {
        states,
        inputs
    } what = kind::states;           // inputs: the input of each matrix; portable operations only
    std::vector<std::string> names;  // of states; empty: all
    named_tensors tensors;           // produced by the run, valid until the tower's next run
};

class tower_runner {
  public:
    // `cancelled`: the current job's flag; read again for each job.
    tower_runner(const weights & weights, int n_threads, const std::atomic<bool> * const & cancelled);

    // For a batch: embeddings, [n][n_proj]. With `keep`, for one input: the requested tensors; `out` is then null.
    void run_images(const image_tensor * images, int n, float * out, kept_tensors * keep = nullptr);
    void run_texts(const int32_t * ids, const int32_t * lengths, int n, float * out, kept_tensors * keep = nullptr);

    // Runs work(0), ..., work(n - 1) on all threads. Throws ABORTED and any exception of theirs.
    void for_each(int n, const std::function<void(int)> & work);

    // Gives back the memory of graphs, which the next run takes again.
    void release_memory();

    // Adds subsequent runs to `profile`; null: stop.
    void profile(run_profile * profile) { profile_ = profile; }

  private:
    using builder = ggml_tensor * (*) (layer_ops &, const weights &, tower_input &, named_tensors &);
    // `nodes`: memory for the graph itself
    struct tower {
        std::unique_ptr<graph_memory> memory;
        aligned_bytes nodes;
        std::unique_ptr<built_graph> last;
    };

    bool pads_on_cpu(const batch & batch) const;
    built_graph & prepare(tower & slot, builder build, const batch & batch, bool is_text, kept_tensors * keep);
    const std::vector<float> & grid_positions_of(const image_tensor & image);
    void choose_outputs(built_graph & g, kept_tensors * keep);
    void allocate(tower & slot, built_graph & g);
    void schedule(built_graph & g);
    void set_patches(built_graph & g, const image_tensor * images, int n);
    void compute(built_graph & g, float * out);
    ggml_status run_by_ggml(built_graph & g);
    ggml_status run_on_cpu(built_graph & g);
    ggml_status run_scheduled(built_graph & g);
    void leave_scheduler();
    void start_pool();

    const weights & weights_;
    int n_threads_;
    const std::atomic<bool> * const & cancelled_;
    thread_team team_;  // runs the packed path, and prepares pictures for every device
    std::unique_ptr<ggml_threadpool, threadpool_deleter> pool_;  // portable path; outlives the backends
    ggml_backend_ptr backend_, cpu_fallback_;                    // the device's, and the CPU's alongside it
    ggml_backend_sched_ptr sched_;  // for a device that lacks operations: the CPU runs those
    tower vision_, text_;
    std::unique_ptr<position_grid> grid_;  // for a tower that accepts any grid
    std::vector<uint8_t> work_;            // ggml's, while it runs a graph on the CPU
    rotary_turns rotary_;
    std::vector<float> patches_, grid_positions_, turns_;
    std::vector<int32_t> indices_;
    run_profile * profile_ = nullptr;
};

}  // namespace ggclip
