// Where the engine gets a model's bytes from: read by range into memory of its own, never mapped. A mapping would show
// what others write into the file later, and end the process (SIGBUS) where they shorten it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace ggclip {

class byte_source {
  public:
    virtual ~byte_source() = default;
    // Copies [offset, offset + n) to `dst`; from any thread. Throws FILE_CHANGED, FILE_NOT_FOUND (the disk says no),
    // ABORTED.
    virtual void read(uint64_t offset, size_t n, void * dst) const = 0;
    // Throws FILE_CHANGED when the bytes may have changed since they were first looked at.
    virtual void check_unchanged() const {}
};

// Bytes that are in memory already.
struct bytes_in_memory final : byte_source {
    explicit bytes_in_memory(size_t n) : bytes(n) {}
    explicit bytes_in_memory(std::vector<uint8_t> all) : bytes(std::move(all)) {}
    void read(uint64_t offset, size_t n, void * dst) const override {
        if (n > 0) memcpy(dst, bytes.data() + offset, n);
    }
    std::vector<uint8_t> bytes;
};

}  // namespace ggclip
