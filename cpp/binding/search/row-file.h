// A search index's file of vectors, read by range while the file may grow: what is asked for must be there.
#pragma once

#include "formats/containers/disk-file.h"

namespace ggclip::binding {

class row_file {
  public:
    // `path` is UTF-8. Throws FILE_NOT_FOUND.
    explicit row_file(const std::string & path);

    // From any thread. Throws FILE_TRUNCATED (it ends before), FILE_NOT_FOUND (read error).
    void read(uint64_t offset, size_t n, void * dst) const;

  private:
    std::string name_;  // in messages
    disk_file file_;
};

}  // namespace ggclip::binding
