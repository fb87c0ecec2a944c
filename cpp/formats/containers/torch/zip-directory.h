// Directory of a zip archive as PyTorch writes it: entries are stored uncompressed, so tensor bytes are used in place.
// Format reference: PKWARE's APPNOTE, sections 4.3 to 4.5.
#pragma once

#include "formats/containers/model-file.h"

#include <map>
#include <string>

namespace ggclip {

struct zip_entry {
    uint64_t offset = 0;  // of the data, in the file
    uint64_t size = 0;
    bool stored = false;  // false: compressed or encrypted, so its bytes are unusable
};

bool is_zip(const std::string & head);

// Every entry lies within the file and names are unique. Throws FILE_FORMAT, FILE_TRUNCATED, FILE_LIMIT.
std::map<std::string, zip_entry> read_zip_directory(const model_file & file);

}  // namespace ggclip
