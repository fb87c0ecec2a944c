// Framework-free tests of cpp/kernels: every level this CPU runs against the scalar level, and the scalar level against
// double precision. `kernels-test [level]` tests one level, `kernels-test --bench [level]` prints speed as JSON lines,
// `kernels-test --times N [--tokens T] [level]` computes one layer N times, for programs that count instructions.
// Exits with 1 on failure.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/attention-tests.h"
#include "kernels/bench.h"
#include "kernels/depthwise-tests.h"
#include "kernels/exact-tests.h"
#include "kernels/gated-tests.h"
#include "kernels/linear-tests.h"
#include "kernels/norm-tests.h"
#include "kernels/not-finite-tests.h"
#include "kernels/rotate-tests.h"
#include "kernels/unary-tests.h"

using namespace test;

static void test_names() {
    for (const cpu_level level : all_levels) {
        cpu_level parsed = cpu_level::scalar;
        expect(parse_level(level_name(level), &parsed) && parsed == level, "level names");
        const char * why = nullptr;
        const kernel_table * k = kernels_for(level, &why);
        expect(!k || (k->level == level && !std::strcmp(k->name, level_name(level))), "kernel table names its level");
        expect(!k == (why != nullptr) && (!k || has_level(level)), "a level is there, or the reason why not");
    }
    cpu_level none;
    expect(!parse_level("fast", &none), "parse_level of an unknown name");
    expect(kernels_for(best_level()) != nullptr, "best_level is there");
    for (const cpu_level level : all_levels) {  // in order of preference
        if (!kernels_for(level)) continue;
        expect(level == best_level(), "the best level is the first that can be used");
        break;
    }
    std::printf("%-12s best level here: %s\n", "names", level_name(best_level()));
}

static void test_peak(const kernel_table & k) {
    for (const weight_type type :
         {weight_type::f32, weight_type::f16, weight_type::q8_0, weight_type::q4_0, weight_type::i8}) {
        const double one = k.peak(type, 1), many = k.peak(type, 1000);
        expect(one >= 16 && many == 1000 * one, "peak counts its operations");
    }
}

int main(int argc, char ** argv) {
    bool bench = false;
    const char * only = nullptr;
    int times = 0, n_tokens = 8;
    for (int i = 1; i < argc; i++)
        if (!std::strcmp(argv[i], "--bench")) bench = true;
        else if (!std::strcmp(argv[i], "--times") && i + 1 < argc) times = std::atoi(argv[++i]);
        else if (!std::strcmp(argv[i], "--tokens") && i + 1 < argc) n_tokens = std::atoi(argv[++i]);
        else only = argv[i];
    if (times > 0) {
        cpu_level level = best_level();
        if (only) parse_level(only, &level);
        repeat_linear(*kernels_for(level), weight_type::q8_0, n_tokens, times);
        return 0;
    }
    if (!bench) test_names();
    for (const cpu_level level : all_levels) {
        const kernel_table * k = kernels_for(level);
        if (!k || (only && std::strcmp(only, k->name))) continue;
        if (bench) {
            bench_other(*k);
            bench_linear(*k);
            continue;
        }
        test_linear(*k);
        test_exact(*k);
        test_accuracy(*k);
        test_split_accuracy(*k);
        test_extremes(*k);
        test_linear_pack(*k);
        test_short_rows(*k);
        test_gated(*k);
        test_determinism(*k);
        test_unary(*k);
        test_layer_norm(*k, false);
        test_layer_norm(*k, true);
        test_rotate(*k);
        test_attention(*k);
        test_depthwise(*k);
        test_gate(*k);
        test_not_finite(*k);
        test_peak(*k);
    }
    std::printf(n_failed ? "%d checks failed\n" : "all passed\n", n_failed);
    return n_failed ? 1 : 0;
}
