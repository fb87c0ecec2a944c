#include "engine/threads/thread-team.h"

#include <algorithm>
#include <chrono>
#include <exception>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ggclip {

static bool is_view(ggml_op op) {
    return op == GGML_OP_NONE || op == GGML_OP_RESHAPE || op == GGML_OP_VIEW || op == GGML_OP_PERMUTE ||
           op == GGML_OP_TRANSPOSE;
}

bool node_program::compile(ggml_cgraph * graph, int n_threads) {
    steps_.clear();
    for (int i = 0; i < ggml_graph_n_nodes(graph); i++) {
        ggml_tensor * node = ggml_graph_node(graph, i);
        if (is_view(node->op)) continue;
        if (node->op != GGML_OP_CUSTOM) return false;
        add(*static_cast<const team_node *>(node->extra), node, chunks_for(n_threads));
    }
    return true;
}

void node_program::add(const team_node & node, ggml_tensor * dst, int n_chunk) {
    const int64_t n_before = steps_.empty() ? 0 : steps_.back().n_done;
    step & s = steps_.emplace_back();
    s.node = &node;
    s.dst = dst;
    s.n_chunk = n_chunk;
    s.n_done = n_before + n_chunk;
}

std::vector<node_program::step_times> node_program::times() const {
    std::vector<step_times> out;
    int64_t begin = begin_ns_;
    for (const step & s : steps_) {
        const int64_t end = s.end_ns.load(std::memory_order_relaxed);
        out.push_back({s.node->work, end - begin, s.busy_ns.load(std::memory_order_relaxed)});
        begin = end;
    }
    return out;
}

thread_team::thread_team(int n_threads)
    : n_part_(n_threads), parts_(std::make_unique<part[]>((size_t) n_threads)), placements_((size_t) n_threads - 1),
      cpus_((size_t) n_threads, -1) {
    try {
        for (int i = 1; i < n_threads; i++) workers_.emplace_back([this, i] { worker_loop(i); });
    } catch (const std::exception &) {
        // cannot start more threads (limit or memory): those that started do the work
    }
}

thread_team::~thread_team() {
    {
        std::lock_guard<std::mutex> lock(mutex_);
        quit_ = true;
    }
    wake_.notify_all();
    for (std::thread & worker : workers_) worker.join();
}

static void pause_cpu() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ volatile("yield");
#endif
}

// Tens of microseconds: about the time of a chunk, and less than sleeping and waking.
constexpr int n_spin = 2000;

template <class Done>
static void spin_until(const Done & done) {
    for (int i = 0; i < n_spin && !done(); i++) pause_cpu();
}

static int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

int64_t node_program::step::clock_chunk(int64_t began) {
    const int64_t now = now_ns();
    busy_ns.fetch_add(now - began, std::memory_order_relaxed);
    int64_t latest = end_ns.load(std::memory_order_relaxed);
    while (latest < now && !end_ns.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {
    }
    return now;
}

int thread_team::part::take(uint32_t node, int begin, int end) {
    uint64_t value = value_.load(std::memory_order_relaxed);
    for (;;) {
        const uint32_t at = (uint32_t) (value >> 32);
        const int next = at == node ? (int) (uint32_t) value : begin;
        if (at > node || next >= end) return -1;
        if (value_.compare_exchange_weak(value, (uint64_t) node << 32 | (uint32_t) (next + 1),
                                         std::memory_order_relaxed))
            return next;
    }
}

// Returns the number of chunks this thread has done.
int thread_team::work_on_node(node_program::step & step, uint32_t node, int ith, bool timed) {
    int n_done = 0;
    int64_t began = timed ? now_ns() : 0;
    for (int i = 0; i < n_part_; i++) {
        const int p = (ith + i) % n_part_;
        const int begin = (int) ((int64_t) step.n_chunk * p / n_part_),
                  end = (int) ((int64_t) step.n_chunk * (p + 1) / n_part_);
        for (int chunk; (chunk = parts_[p].take(node, begin, end)) >= 0; n_done++) {
            step.node->run(step.dst, chunk, step.n_chunk, step.node->userdata);
            if (timed) began = step.clock_chunk(began);
        }
    }
    return n_done;
}

void thread_team::work_on(node_program & program, int ith, const std::atomic<bool> & abort) {
    uint32_t node = 0;
    for (node_program::step & s : program.steps_) {
        done_.fetch_add(work_on_node(s, ++node, ith, program.timed_), std::memory_order_release);
        for (int spins = 0; done_.load(std::memory_order_acquire) < s.n_done; spins++) {
            if (abort.load(std::memory_order_relaxed)) return;
            if (spins < n_spin) pause_cpu();
            else std::this_thread::yield();
        }
        if (abort.load(std::memory_order_relaxed)) return;
    }
}

void thread_team::take_place(int ith) {
    placements_[(size_t) ith - 1].release(workers_[(size_t) ith - 1]);
    const int cpu = current_cpu();
    if (cpu >= 0 && std::find(cpus_.begin(), cpus_.end(), cpu) != cpus_.end()) leave_cpus(cpus_);
    cpus_[(size_t) ith] = current_cpu();
}

void thread_team::worker_loop(int ith) {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return quit_ || (program_ && generation_ != seen); });
        if (quit_) return;
        seen = generation_;
        take_place(ith);
        node_program & program = *program_;
        const std::atomic<bool> & abort = *abort_;
        inside_++;
        lock.unlock();
        work_on(program, ith, abort);
        lock.lock();
        if (--inside_ == 0) left_.notify_one();
        lock.unlock();
        spin_until([&] { return generation_ != seen; });  // a graph follows the preparation of its images
        lock.lock();
    }
}

bool thread_team::run(node_program & program, const std::atomic<bool> & abort, bool timed) {
    program.timed_ = timed;
    if (timed) program.begin_ns_ = now_ns();
    for (int i = 0; i < n_part_; i++) parts_[i].reset();
    done_.store(0, std::memory_order_relaxed);
    for (node_program::step & s : program.steps_) {
        s.busy_ns.store(0, std::memory_order_relaxed);
        s.end_ns.store(0, std::memory_order_relaxed);
    }
    if (!workers_.empty()) {
        std::lock_guard<std::mutex> lock(mutex_);
        std::fill(cpus_.begin(), cpus_.end(), -1);
        cpus_[0] = current_cpu();
        for (size_t i = 0; i < workers_.size(); i++) placements_[i].keep_off(workers_[i], cpus_[0]);
        program_ = &program;
        abort_ = &abort;
        generation_++;
    }
    wake_.notify_all();
    work_on(program, 0, abort);
    if (!workers_.empty()) {
        spin_until([&] { return inside_ == 0; });
        std::unique_lock<std::mutex> lock(mutex_);
        program_ = nullptr;  // a worker that wakes now finds nothing to do
        left_.wait(lock, [&] { return inside_ == 0; });
    }
    return !abort.load(std::memory_order_relaxed);
}

bool thread_team::for_each(int n, const std::function<void(int)> & work, const std::atomic<bool> & abort) {
    struct shared_task {
        const std::function<void(int)> & work;
        std::mutex mutex;
        std::exception_ptr failure;
    } task = {work, {}, nullptr};
    team_node node = {};
    node.userdata = &task;
    node.run = [](ggml_tensor *, int i, int, void * userdata) {
        shared_task & t = *static_cast<shared_task *>(userdata);
        try {
            t.work(i);
        } catch (...) {
            std::lock_guard<std::mutex> lock(t.mutex);
            if (!t.failure) t.failure = std::current_exception();
        }
    };
    node_program program(node, n);
    const bool complete = run(program, abort);
    if (task.failure) std::rethrow_exception(task.failure);
    return complete;
}

}  // namespace ggclip
