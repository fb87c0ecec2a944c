// Where the time of a graph goes: the time of each of its nodes, run by run, and the CPU's peak rate of multiply-adds.
// Measured only on request.
#pragma once

#include "engine/run/thread-team.h"
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
    std::vector<float> busy_ms;  // [run], of all threads together
};

struct run_profile {
    std::vector<node_profile> nodes;      // in the order of the graph; empty if plain ggml runs it
    std::vector<float> total_ms;          // [run], with inputs and outputs
    std::map<std::string, double> peaks;  // by weight type: operations a second of all threads together

    void add(const node_program & program);
};

// Operations a second of `n_threads` threads that do nothing but multiply-adds as matrices of `type` need them.
// Takes about 60 ms.
double measure_peak(const kernels::kernel_table & table, kernels::weight_type type, int n_threads);

const char * type_name(kernels::weight_type type);
bool parse_type_name(const std::string & name, kernels::weight_type * type);  // false: no such name

}  // namespace ggclip
