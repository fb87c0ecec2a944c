#include "engine/thread-team.h"

#include <chrono>
#include <exception>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ggclip {

static bool is_view(ggml_op op) {
    return op == GGML_OP_NONE || op == GGML_OP_RESHAPE || op == GGML_OP_VIEW || op == GGML_OP_PERMUTE || op == GGML_OP_TRANSPOSE;
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
    step & s = steps_.emplace_back();
    s.node = &node;
    s.dst = dst;
    s.n_chunk = n_chunk;
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

thread_team::thread_team(int n_threads) {
    try {
        for (int i = 1; i < n_threads; i++) workers_.emplace_back([this] { worker_loop(); });
    } catch (const std::exception &) {
        // no more threads, or no memory for them, to be had: those that started do the work
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

static int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int64_t node_program::step::clock_chunk(int64_t began) {
    const int64_t now = now_ns();
    busy_ns.fetch_add(now - began, std::memory_order_relaxed);
    int64_t latest = end_ns.load(std::memory_order_relaxed);
    while (latest < now && !end_ns.compare_exchange_weak(latest, now, std::memory_order_relaxed)) {}
    return now;
}

void thread_team::work_on(node_program & program, const std::atomic<bool> & abort) {
    constexpr int spins_before_yield = 2000;  // some tens of microseconds: about a chunk
    const bool timed = program.timed_;
    for (node_program::step & s : program.steps_) {
        int64_t began = timed ? now_ns() : 0;
        for (int chunk = s.next++; chunk < s.n_chunk; chunk = s.next++) {
            s.node->run(s.dst, chunk, s.n_chunk, s.node->userdata);
            if (timed) began = s.clock_chunk(began);
            s.done.fetch_add(1, std::memory_order_release);
        }
        for (int spins = 0; s.done.load(std::memory_order_acquire) < s.n_chunk; spins++) {
            if (abort.load(std::memory_order_relaxed)) return;
            if (spins < spins_before_yield) pause_cpu();
            else std::this_thread::yield();
        }
        if (abort.load(std::memory_order_relaxed)) return;
    }
}

void thread_team::worker_loop() {
    uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        wake_.wait(lock, [&] { return quit_ || (program_ && generation_ != seen); });
        if (quit_) return;
        seen = generation_;
        node_program & program = *program_;
        const std::atomic<bool> & abort = *abort_;
        inside_++;
        lock.unlock();
        work_on(program, abort);
        lock.lock();
        if (--inside_ == 0) left_.notify_one();
    }
}

bool thread_team::run(node_program & program, const std::atomic<bool> & abort, bool timed) {
    program.timed_ = timed;
    if (timed) program.begin_ns_ = now_ns();
    for (node_program::step & s : program.steps_) {
        s.next.store(0, std::memory_order_relaxed);
        s.done.store(0, std::memory_order_relaxed);
        s.busy_ns.store(0, std::memory_order_relaxed);
        s.end_ns.store(0, std::memory_order_relaxed);
    }
    if (!workers_.empty()) {
        std::lock_guard<std::mutex> lock(mutex_);
        program_ = &program;
        abort_ = &abort;
        generation_++;
    }
    wake_.notify_all();
    work_on(program, abort);
    if (!workers_.empty()) {
        std::unique_lock<std::mutex> lock(mutex_);
        program_ = nullptr;  // a worker that wakes now finds nothing to do
        left_.wait(lock, [&] { return inside_ == 0; });
    }
    return !abort.load(std::memory_order_relaxed);
}

bool thread_team::for_each(int n, const std::function<void(int)> & work, const std::atomic<bool> & abort) {
    struct shared_task {
        const std::function<void(int)> & work;
        std::mutex                       mutex;
        std::exception_ptr               failure;
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
    const bool   complete = run(program, abort);
    if (task.failure) std::rethrow_exception(task.failure);
    return complete;
}

}  // namespace ggclip
