#pragma once

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace ggclip::binding {

// Runs share(ith, nth) for every ith, on up to nth threads including this one.
template <class Share>
void run_on_threads(int nth, Share share) {
    std::atomic<int> next{0};
    const auto run_shares = [&] {
        for (int ith = next++; ith < nth; ith = next++) share(ith, nth);
    };
    std::vector<std::thread> helpers;
    helpers.reserve((size_t) nth);
    try {
        for (int i = 1; i < nth; i++) helpers.emplace_back(run_shares);
    } catch (const std::system_error &) {
        // no more threads available: those that started divide the work
    }
    run_shares();
    for (std::thread & helper : helpers) helper.join();
}

}  // namespace ggclip::binding
