// A file that is read by range. What was read is the state of one moment, or an error: check_unchanged().
#pragma once

#include "engine/weights/byte-source.h"
#include "formats/containers/disk-file.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace ggclip {

class model_file final : public byte_source {
  public:
    // Throws FILE_NOT_FOUND (absent, unreadable, not a regular file), FILE_TRUNCATED (empty), FILE_FORMAT (a Git LFS
    // pointer or a web page in place of the file). `path` is UTF-8. `cancelled`: reading ends in ABORTED once it is
    // set; it must live as long as the file.
    static std::shared_ptr<const model_file> open(const std::string & path,
                                                  const std::atomic<bool> * cancelled = nullptr);
    // The same from memory, with the same checks. `name` stands for the path in messages.
    static std::shared_ptr<const model_file> of_memory(std::string bytes, const std::string & name);
    model_file(const model_file &) = delete;
    model_file & operator=(const model_file &) = delete;

    uint64_t size() const { return state_.size; }
    const std::string & path() const { return path_; }
    void read(uint64_t offset, size_t n, void * dst) const override;
    // Size and time of the last change are those of when it was opened.
    void check_unchanged() const override;
    void check_cancelled() const;

    std::string head(size_t n) const;  // the first n bytes, or as many as there are
    // The whole file, unchanged. Throws FILE_LIMIT beyond `max` bytes.
    std::string text(size_t max) const;

  private:
    model_file(const std::string & path, const std::atomic<bool> * cancelled) : path_(path), cancelled_(cancelled) {}
    void settle();
    void check_contents() const;
    [[noreturn]] void changed(const std::string & how) const;

    std::string path_;
    const std::atomic<bool> * cancelled_;
    std::optional<disk_file> disk_;  // none: of memory
    file_state state_;
    std::string memory_;
};

}  // namespace ggclip
