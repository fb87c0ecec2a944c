// A whole file mapped read-only. The mapping lives as long as the object; pages are read when touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ggclip {

class mapped_file {
  public:
    // Throws FILE_NOT_FOUND (absent, unreadable, not a regular file) or FILE_FORMAT (empty). `path` is UTF-8.
    static std::shared_ptr<const mapped_file> open(const std::string & path);
    ~mapped_file();
    mapped_file(const mapped_file &) = delete;
    mapped_file & operator=(const mapped_file &) = delete;

    const uint8_t *     data() const { return data_; }
    size_t              size() const { return size_; }
    const std::string & path() const { return path_; }

    // Tells the system that this part of a mapping is not needed soon: whole pages inside it leave this
    // process's resident set and are read again from the file when touched. A hint; never fails.
    static void release(const uint8_t * begin, size_t n_bytes);

  private:
    explicit mapped_file(const std::string & path) : path_(path) {}
    std::string     path_;
    const uint8_t * data_ = nullptr;
    size_t          size_ = 0;
};

}  // namespace ggclip
