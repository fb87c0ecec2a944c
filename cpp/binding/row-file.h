// A search index's file of vectors, read by range while the file may grow: what is asked for must be there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ggclip::binding {

class row_file {
  public:
    // `path` is UTF-8. Throws FILE_NOT_FOUND. Others may write to the file and remove it meanwhile.
    static std::shared_ptr<const row_file> open(const std::string & path);
    ~row_file();
    row_file(const row_file &) = delete;
    row_file & operator=(const row_file &) = delete;

    // From any thread. Throws FILE_TRUNCATED (it ends before), FILE_NOT_FOUND (read error).
    void read(uint64_t offset, size_t n, void * dst) const;

  private:
    explicit row_file(const std::string & path) : path_(path) {}
    size_t read_some(uint64_t offset, size_t n, void * dst) const;  // 0: the end
    [[noreturn]] void not_readable() const;

    std::string path_;
#ifdef _WIN32
    void * handle_ = nullptr;
#else
    int descriptor_ = -1;
#endif
};

}  // namespace ggclip::binding
