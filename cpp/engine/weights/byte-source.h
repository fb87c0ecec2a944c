// Access to a model's bytes: read by range into our own memory, never mapped. A mapping would expose later writes to
// the file, and end the process (SIGBUS) if the file is truncated.
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
    // Copies [offset, offset + n) to `dst`; callable from any thread. Throws FILE_CHANGED, FILE_NOT_FOUND (read error),
    // ABORTED.
    virtual void read(uint64_t offset, size_t n, void * dst) const = 0;
    // Throws FILE_CHANGED if the bytes may have changed since they were first read.
    virtual void check_unchanged() const {}
};

// Bytes already in memory.
struct bytes_in_memory final : byte_source {
    explicit bytes_in_memory(size_t n) : bytes(n) {}
    explicit bytes_in_memory(std::vector<uint8_t> all) : bytes(std::move(all)) {}
    void read(uint64_t offset, size_t n, void * dst) const override {
        if (n > 0) memcpy(dst, bytes.data() + offset, n);
    }
    std::vector<uint8_t> bytes;
};

}  // namespace ggclip
