// A file that is written beside its place and takes it in one step, once all of it is on the disk. Until then what was
// there stays. A writer holds a lock on its file (flock, which ends with its process): a file without one was left by a
// writer that was killed, and the next writer of the same target removes it. Process ids prove nothing: every container
// has a process 7. Windows, and file systems without such locks, keep what was left.
#pragma once

#include <cstdio>
#include <string>

namespace ggclip {

class temporary_file {
  public:
    explicit temporary_file(const std::string & target);  // UTF-8; creates the file, or throws FILE_WRITE
    ~temporary_file();                                    // removes it, unless it has its name
    temporary_file(const temporary_file &) = delete;
    temporary_file & operator=(const temporary_file &) = delete;

    FILE * stream() const { return stream_; }
    const std::string & path() const { return path_; }

    void close();   // to the disk: it may be read now
    void commit();  // takes its name

    [[noreturn]] void fail(const char * what) const;  // FILE_WRITE, with errno's reason

  private:
    std::string target_, path_;
    FILE * stream_ = nullptr;
    int lock_ = -1;  // a second descriptor of the same open file: the lock outlives the stream
};

}  // namespace ggclip
