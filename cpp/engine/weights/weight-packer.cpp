#include "engine/weights/weight-packer.h"

#include "engine/error.h"
#include "engine/weights/block-rows.h"
#include "engine/weights/kernel-rows.h"
#include "engine/weights/tensor-convert.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

namespace ggclip {

constexpr int rows_of_strip = 128;  // a multiple of every level's panel height

// One memory block holds many matrices, so none wastes part of a page. Pages that are never written cost nothing.
uint8_t * weight_packer::reserve(size_t n_bytes) {
    constexpr size_t block = 32 * 1024 * 1024, alignment = 64;
    n_bytes = (n_bytes + alignment - 1) / alignment * alignment;
    if (n_bytes > n_free_) {
        n_free_ = std::max(block, n_bytes);
        memory_.push_back(allocate_aligned(n_free_));
        free_ = memory_.back().get();
    }
    uint8_t * const begin = free_;
    free_ += n_bytes;
    n_free_ -= n_bytes;
    return begin;
}

kernels::packed_matrix weight_packer::add(const source_tensor & from, int n_out, int n_in, ggml_type type,
                                          kernels::weight_type packed_type) {
    n_in = (int) whole_blocks(kernel_rows_type(type), n_in);
    uint8_t * const dst = reserve(table_.packed_size(packed_type, n_out, n_in));
    for (int first = 0; first < n_out; first += rows_of_strip)
        strips_.push_back({matrices_.size(), first, std::min(rows_of_strip, n_out - first)});
    matrices_.push_back({from, type, packed_type, n_out, n_in, dst});
    return {packed_type, n_out, n_in, dst};
}

void weight_packer::pack(const strip & s, std::vector<uint8_t> & converted, std::vector<uint8_t> & blocks) const {
    const matrix & m = matrices_[s.matrix];
    const ggml_type packed_from = kernel_rows_type(m.type);
    const size_t converted_row = row_bytes(m.type, m.n_in), row = row_bytes(packed_from, m.n_in);
    converted.resize(converted_row * (size_t) s.n);
    convert_rows(m.from, m.type, s.first, s.n, converted.data());
    const uint8_t * rows = converted.data();
    if (packed_from != m.type) {
        blocks.resize(row * (size_t) s.n);
        for (int r = 0; r < s.n; r++)
            to_kernel_rows(m.type, converted.data() + r * converted_row, m.n_in, blocks.data() + r * row);
        rows = blocks.data();
    }
    table_.pack(m.packed_type, s.n, m.n_in, rows, row, m.dst + table_.packed_size(m.packed_type, s.first, m.n_in));
}

void weight_packer::run(int n_threads, const std::atomic<bool> * cancelled) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        std::vector<uint8_t> converted, blocks;
        try {
            for (size_t i = next++; i < strips_.size(); i = next++) {
                if (cancelled && cancelled->load(std::memory_order_relaxed))
                    throw_error(error_code::ABORTED, "loading was cancelled");
                pack(strips_[i], converted, blocks);
            }
        } catch (...) {
            next = strips_.size();
            std::lock_guard<std::mutex> lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };

    std::vector<std::thread> threads;
    try {
        while ((int) threads.size() + 1 < n_threads) threads.emplace_back(work);
    } catch (const std::exception &) {
        // cannot start more threads (limit or memory): use and join those that started
    }
    work();
    for (std::thread & thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
    matrices_.clear();
    strips_.clear();
}

}  // namespace ggclip
