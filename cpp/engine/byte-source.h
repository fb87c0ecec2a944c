// Where the engine gets a model's bytes from: read by range into memory of its own, never mapped. A mapping would show
// what others write into the file later, and end the process (SIGBUS) where they shorten it.
#pragma once

#include <cstddef>
#include <cstdint>

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

}  // namespace ggclip
