// Where a graph's time goes: the time of each node per run, and the CPU's peak multiply-add rate. Measured only on
// request.
#pragma once

#include "engine/threads/thread-team.h"
#include "kernels/kernels.h"

#include <map>
#include <string>
#include <vector>

namespace ggclip {

struct node_profile {
    std::string kind, layer, type;
    int n_out, n_in, n_rows;
    double n_ops;
    std::vector<float> wall_ms;  // [run]
    std::vector<float> busy_ms;  // [run], sum over all threads
};

struct run_profile {
    std::vector<node_profile> nodes;      // in graph order; empty if plain ggml runs the graph
    std::vector<float> total_ms;          // [run], including inputs and outputs
    std::map<std::string, double> peaks;  // by weight type: operations per second of all threads together

    void add(const node_program & program);
};

// Operations per second of `n_threads` threads running only the multiply-adds of `type` matrices. Takes about 60 ms.
double measure_peak(const kernels::kernel_table & table, kernels::weight_type type, int n_threads);

const char * type_name(kernels::weight_type type);
bool parse_type_name(const std::string & name, kernels::weight_type * type);  // false: unknown name

}  // namespace ggclip
