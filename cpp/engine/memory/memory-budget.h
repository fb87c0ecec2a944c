// The most bytes that a model may take: its weights, and the graphs and prepared pictures of its sessions.
#pragma once

#include <atomic>
#include <cstdint>

namespace ggclip {

// For several threads at once.
class memory_budget {
  public:
    explicit memory_budget(uint64_t limit) : limit_(limit) {}  // 0: none
    memory_budget(const memory_budget &) = delete;
    memory_budget & operator=(const memory_budget &) = delete;

  private:
    friend class budget_share;
    const uint64_t limit_;
    std::atomic<uint64_t> used_{0};
};

// Bytes that one owner has taken, given back when it ends. The budget must outlive it.
class budget_share {
  public:
    explicit budget_share(memory_budget & budget) : budget_(budget) {}
    ~budget_share() { resize(0, ""); }
    budget_share(const budget_share &) = delete;
    budget_share & operator=(const budget_share &) = delete;

    // Takes what is missing to n_bytes, or gives the rest back. Throws OUT_OF_MEMORY, and takes nothing, if the budget
    // has less. `what` the bytes are for.
    void resize(uint64_t n_bytes, const char * what);

    uint64_t size() const { return n_bytes_; }

  private:
    memory_budget & budget_;
    uint64_t n_bytes_ = 0;
};

}  // namespace ggclip
