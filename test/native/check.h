// What the native test programs count their failures with.
#pragma once

#include <cstdio>

namespace test {

inline int n_failed = 0;

}  // namespace test

// Says what failed, with the printf arguments that follow.
#define CHECK(condition, ...)                                           \
    do {                                                                \
        if (!(condition)) {                                             \
            test::n_failed++;                                           \
            std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            std::printf(__VA_ARGS__);                                   \
            std::printf("\n");                                          \
        }                                                               \
    } while (0)
