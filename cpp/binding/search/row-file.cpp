#include "binding/search/row-file.h"

#include "engine/error.h"

namespace ggclip::binding {

row_file::row_file(const std::string & path)
    : name_("the vectors of the index, '" + path + "',"), file_(path, disk_file::writers::shared, name_) {}

void row_file::read(uint64_t offset, size_t n, void * dst) const {
    auto * to = static_cast<uint8_t *>(dst);
    while (n > 0) {
        const size_t got = file_.read_some(offset, n, to);
        if (got == 0) {
            throw_error(error_code::FILE_TRUNCATED,
                        name_ + " end at byte " + std::to_string(offset) + ": \"ggclip index\" mends them");
        }
        offset += got;
        to += got;
        n -= got;
    }
}

}  // namespace ggclip::binding
