// A file on disk that is read by range, from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace ggclip {

struct file_state {
    uint64_t size = 0;
    int64_t seconds = 0, nanoseconds = 0;  // of the last change
};

class disk_file {
  public:
    // Others may remove and rename the file meanwhile. Where the system can deny it, only `shared` lets them write to
    // it.
    enum class writers { denied, shared };
    // `path` is UTF-8; `name` begins messages: "model.gguf:". Throws FILE_NOT_FOUND, as the others do on errors of
    // reading.
    disk_file(const std::string & path, writers others, std::string name);
    ~disk_file();
    disk_file(const disk_file &) = delete;
    disk_file & operator=(const disk_file &) = delete;

    // Throws if it is not a regular file.
    file_state look() const;
    // Returns how many of n bytes were read. 0: the end
    size_t read_some(uint64_t offset, size_t n, void * dst) const;

  private:
    [[noreturn]] void not_readable(const std::string & why) const;

    std::string name_;
#ifdef _WIN32
    void * handle_ = nullptr;
#else
    int descriptor_ = -1;
#endif
};

}  // namespace ggclip
