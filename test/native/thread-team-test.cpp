// The thread team: every chunk runs once, nodes run in order, whichever thread is late; aborted runs end.
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

#include "check.h"
#include "engine/threads/thread-placement.h"
#include "engine/threads/thread-team.h"

using namespace ggclip;
using test::n_failed;

static void wait_us(int us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }

static void each_chunk_runs_once() {
    for (int n_threads : {1, 2, 3, 8}) {
        thread_team team(n_threads);
        const std::atomic<bool> abort{false};
        for (int n : {0, 1, 2, 7, 64}) {
            for (int turn = 0; turn < 20; turn++) {
                std::vector<std::atomic<int>> runs((size_t) n);
                const bool complete = team.for_each(
                    n,
                    [&](int i) {
                        runs[(size_t) i]++;
                        if (i % 5 == turn % 5) wait_us(20);
                    },
                    abort);
                CHECK(complete, "%d threads, %d chunks: not complete", n_threads, n);
                for (int i = 0; i < n; i++)
                    CHECK(runs[(size_t) i] == 1, "%d threads: chunk %d of %d ran %d times", n_threads, i, n,
                          runs[(size_t) i].load());
            }
        }
    }
}

// A graph whose nodes each add one to all cells: a node that starts before the previous one is done sees less.
struct counted {
    std::vector<std::atomic<int>> cells = std::vector<std::atomic<int>>(64);
    std::atomic<int> early{0};
    struct node {
        counted * all;
        int nth;
        int slow_chunk;
    };
};

static void count_chunk(ggml_tensor *, int ith, int nth, void * userdata) {
    const auto & node = *static_cast<const counted::node *>(userdata);
    auto & cells = node.all->cells;
    if (ith == node.slow_chunk) wait_us(200);
    for (size_t i = (size_t) ith; i < cells.size(); i += (size_t) nth) {
        if (cells[(i * 31 + 7) % cells.size()] < node.nth) node.all->early++;  // belongs to another chunk
        cells[i]++;
    }
}

static void nodes_wait_for_each_other() {
    constexpr int n_node = 40;
    for (int n_threads : {1, 2, 5}) {
        counted all;
        std::vector<counted::node> data;
        for (int i = 0; i < n_node; i++) data.push_back({&all, i, i % 9});
        std::vector<team_node> nodes;
        for (counted::node & d : data) nodes.push_back({count_chunk, &d, {}});

        ggml_init_params params = {1 << 20, nullptr, true};
        ggml_context * ctx = ggml_init(params);
        ggml_cgraph * graph = ggml_new_graph(ctx);
        ggml_tensor * x = ggml_new_tensor_1d(ctx, GGML_TYPE_F32, 1);
        for (team_node & node : nodes) {
            ggml_tensor * args[] = {x};
            x = ggml_custom_4d(ctx, GGML_TYPE_F32, 1, 1, 1, 1, args, 1, node.run, GGML_N_TASKS_MAX, node.userdata);
            x->extra = &node;
        }
        ggml_build_forward_expand(graph, x);
        node_program program;
        CHECK(program.compile(graph, n_threads), "a graph of custom nodes compiles");

        thread_team team(n_threads);
        std::atomic<bool> abort{false};
        for (int run = 1; run <= 5; run++) {
            CHECK(team.run(program, abort), "run %d is complete", run);
            for (std::atomic<int> & cell : all.cells)
                CHECK(cell == n_node, "%d threads, run %d: cell at %d", n_threads, run, cell.load());
            CHECK(all.early == 0, "%d threads: %d reads before the prior node was done", n_threads, all.early.load());
            for (std::atomic<int> & cell : all.cells) cell = 0;
        }

        std::thread stopper([&] {
            wait_us(500);
            abort = true;
        });
        bool complete = true;
        while (complete) {
            for (std::atomic<int> & cell : all.cells) cell = 0;
            complete = team.run(program, abort);
        }
        stopper.join();
        abort = false;
        for (std::atomic<int> & cell : all.cells) cell = 0;
        CHECK(team.run(program, abort), "a team still runs after an abort");
        for (std::atomic<int> & cell : all.cells) CHECK(cell == n_node, "after an abort: cell at %d", cell.load());
        ggml_free(ctx);
    }
}

static void failures_reach_the_caller() {
    thread_team team(3);
    const std::atomic<bool> abort{false};
    std::atomic<int> runs{0};
    bool thrown = false;
    try {
        team.for_each(
            10,
            [&](int i) {
                runs++;
                if (i == 4) throw std::runtime_error("four");
            },
            abort);
    } catch (const std::runtime_error & error) {
        thrown = std::string(error.what()) == "four";
    }
    CHECK(thrown, "the exception of a chunk is thrown");
    CHECK(runs == 10, "the other chunks ran, %d in all", runs.load());
}

static void threads_leave_taken_cpus() {
    const int here = current_cpu();
    if (here < 0) return;
    leave_cpus({here});
    const int there = current_cpu();
    if (std::thread::hardware_concurrency() > 1) CHECK(there != here, "still on CPU %d", here);
    std::vector<int> all;
    for (int cpu = 0; cpu < 4096; cpu++) all.push_back(cpu);
    leave_cpus(all);  // nowhere to go: no effect
    CHECK(current_cpu() >= 0, "somewhere");
}

static void threads_are_kept_off_and_released() {
#if defined(__linux__)
    std::atomic<bool> quit{false};
    std::thread thread([&] {
        while (!quit) wait_us(100);
    });
    const auto cpus_of = [&] {
        cpu_set_t cpus;
        pthread_getaffinity_np(thread.native_handle(), sizeof(cpus), &cpus);
        return cpus;
    };
    const cpu_set_t before = cpus_of();
    thread_placement placement;
    std::vector<int> allowed;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &before)) allowed.push_back(cpu);
    for (int turn = 0; turn < 3; turn++) {
        placement.keep_off(thread, allowed.front());
        placement.keep_off(thread, allowed.back());  // it has not woken, and another CPU wakes it
        const cpu_set_t kept = cpus_of();
        CHECK(allowed.size() == 1 || !CPU_ISSET(allowed.back(), &kept), "kept off CPU %d", allowed.back());
        CHECK(allowed.size() == 1 || CPU_ISSET(allowed.front(), &kept), "CPU %d is allowed again", allowed.front());
        placement.release(thread);
        const cpu_set_t after = cpus_of();
        CHECK(CPU_EQUAL(&before, &after), "all CPUs again");
    }
    placement.keep_off(thread, CPU_SETSIZE + 1);  // no such CPU
    placement.release(thread);
    placement.release(thread);
    const cpu_set_t after = cpus_of();
    CHECK(CPU_EQUAL(&before, &after), "as before");
    quit = true;
    thread.join();
#endif
}

int main() {
    each_chunk_runs_once();
    nodes_wait_for_each_other();
    failures_reach_the_caller();
    threads_leave_taken_cpus();
    threads_are_kept_off_and_released();
    std::printf("%d failed\n", n_failed);
    return n_failed == 0 ? 0 : 1;
}
