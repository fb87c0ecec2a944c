#include "engine/run/profile.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

namespace ggclip {

static const char * const type_names[] = {"f32", "f16", "bf16", "q8_0", "q5_0", "q5_1", "q4_0", "q4_1", "i8"};

const char * type_name(kernels::weight_type type) { return type_names[(int) type]; }

bool parse_type_name(const std::string & name, kernels::weight_type * type) {
    const auto found = std::find(std::begin(type_names), std::end(type_names), name);
    *type = (kernels::weight_type)(found - std::begin(type_names));
    return found != std::end(type_names);
}

void run_profile::add(const node_program & program) {
    const bool first = nodes.empty();
    size_t at = 0;
    for (const node_program::step_times & step : program.times()) {
        const node_work & work = step.work;
        if (first)
            nodes.push_back({work.kind, work.layer, work.type, work.n_out, work.n_in, work.n_rows, work.n_ops, {}, {}});
        nodes[at].wall_ms.push_back((float) step.wall_ns * 1e-6f);
        nodes[at].busy_ms.push_back((float) step.busy_ns * 1e-6f);
        at++;
    }
}

using peak_clock = std::chrono::steady_clock;

// The best of several short measurements: the machine's peak without interference from other processes.
static double peak_of_thread(const kernels::kernel_table & table, kernels::weight_type type) {
    constexpr double stretch_ms = 0.5, all_ms = 60;  // one stretch fits between two interruptions
    int n = 1000;
    double best = 0;
    const auto began = peak_clock::now();
    do {
        const auto start = peak_clock::now();
        const double n_ops = table.peak(type, n);
        const double ms = std::chrono::duration<double, std::milli>(peak_clock::now() - start).count();
        if (ms < stretch_ms && n < 1 << 28) n *= 2;
        else best = std::max(best, n_ops / (ms * 1e-3));
    } while (std::chrono::duration<double, std::milli>(peak_clock::now() - began).count() < all_ms || best == 0);
    return best;
}

double measure_peak(const kernels::kernel_table & table, kernels::weight_type type, int n_threads) {
    std::vector<double> rates((size_t) n_threads);
    std::vector<std::thread> others;
    try {
        for (size_t i = 1; i < rates.size(); i++)
            others.emplace_back([&, i] { rates[i] = peak_of_thread(table, type); });
    } catch (const std::exception &) {
        // cannot start more threads (limit or memory): wait for those that started
    }
    rates[0] = peak_of_thread(table, type);
    double sum = 0;
    for (std::thread & thread : others) thread.join();
    for (double rate : rates) sum += rate;
    return sum;
}

}  // namespace ggclip
