// Failure counter of the native test programs.
#pragma once

#include <cstdio>

namespace test {

inline int n_failed = 0;

}  // namespace test

// Reports a failure; printf arguments follow.
#define CHECK(condition, ...)                                           \
    do {                                                                \
        if (!(condition)) {                                             \
            test::n_failed++;                                           \
            std::printf("%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            std::printf(__VA_ARGS__);                                   \
            std::printf("\n");                                          \
        }                                                               \
    } while (0)
