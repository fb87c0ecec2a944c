#include "formats/containers/torch/zip-directory.h"

#include "engine/error.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

namespace {

constexpr uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50, end_magic = 0x06054b50,
                   end64_magic = 0x06064b50, locator64_magic = 0x07064b50;
constexpr uint64_t n_local = 30, n_central = 46, n_end = 22, n_end64 = 56, n_locator64 = 20;  // bytes without names
constexpr uint64_t read_ahead = 64u << 10;
constexpr uint64_t max_comment = 65535, max_entries = 1 << 17;
constexpr uint64_t max_name = 1024;  // bytes; PyTorch's names have less than 100
constexpr uint16_t zip64_extra = 1;

class zip_parser {
  public:
    explicit zip_parser(const model_file & file) : file_(file), size_(file.size()) {}

    std::map<std::string, zip_entry> run() {
        find_end();
        uint64_t at = central_;
        for (uint64_t i = 0; i < n_entries_; i++) at = entry(at);
        return std::move(entries_);
    }

  private:
    [[noreturn]] void fail(error_code code, const std::string & text) const {
        throw_error(code, file_.path() + ": zip archive: " + text);
    }

    // Keeps one part of the file in memory: `n` bytes from `at`, plus up to `ahead` bytes likely to be read next.
    void look(uint64_t at, uint64_t n, uint64_t ahead = 0) {
        if (at >= part_at_ && at + n <= part_at_ + part_.size()) return;
        part_.resize((size_t) std::min(std::max(n, ahead), size_ - at));
        part_at_ = at;
        file_.read(at, part_.size(), &part_[0]);
    }

    // Reads from the range last passed to look().
    template <typename T>
    T number(uint64_t at) const {
        T value;
        memcpy(&value, part_.data() + (at - part_at_), sizeof(T));
        return value;
    }

    void need(uint64_t at, uint64_t n, const char * what) const {
        if (at > size_ || n > size_ - at) {
            fail(error_code::FILE_TRUNCATED, std::string("expected ") + what + " of " + std::to_string(n) +
                                                 " bytes at byte " + std::to_string(at) + ", found a file of " +
                                                 std::to_string(size_));
        }
    }

    // Only a comment follows the end record; it cannot contain a valid copy of it.
    void find_end() {
        const uint64_t n_tail = std::min<uint64_t>(size_, n_locator64 + n_end + max_comment);
        look(size_ - n_tail, n_tail);
        for (uint64_t back = n_end; back <= n_end + max_comment && back <= size_; back++) {
            const uint64_t at = size_ - back;
            if (number<uint32_t>(at) == end_magic && number<uint16_t>(at + 20) == back - n_end) {
                read_end(at);
                return;
            }
        }
        fail(error_code::FILE_TRUNCATED,
             "expected its directory at the end of the file, found none (half a download?)");
    }

    void read_end(uint64_t at) {
        n_entries_ = number<uint16_t>(at + 10);
        central_ = number<uint32_t>(at + 16);
        if (at >= n_locator64 && number<uint32_t>(at - n_locator64) == locator64_magic) {
            const uint64_t end64 = number<uint64_t>(at - n_locator64 + 8);
            need(end64, n_end64, "a zip64 end record");
            look(end64, n_end64);
            if (number<uint32_t>(end64) != end64_magic)
                fail(error_code::FILE_FORMAT, "zip64 end record: expected its signature, found other bytes");
            n_entries_ = number<uint64_t>(end64 + 32);
            central_ = number<uint64_t>(end64 + 48);
        }
        if (n_entries_ > max_entries) {
            fail(error_code::FILE_LIMIT,
                 "expected at most " + std::to_string(max_entries) + " entries, found " + std::to_string(n_entries_));
        }
    }

    uint64_t entry(uint64_t at) {
        need(at, n_central, "a directory entry");
        look(at, n_central, read_ahead);
        if (number<uint32_t>(at) != central_magic) {
            fail(error_code::FILE_FORMAT,
                 "directory: expected an entry at byte " + std::to_string(at) + ", found other bytes");
        }
        const uint16_t flags = number<uint16_t>(at + 8), method = number<uint16_t>(at + 10);
        const uint64_t n_name = number<uint16_t>(at + 28), n_extra = number<uint16_t>(at + 30),
                       n_comment = number<uint16_t>(at + 32);
        uint64_t packed = number<uint32_t>(at + 20), size = number<uint32_t>(at + 24),
                 local = number<uint32_t>(at + 42);
        need(at + n_central, n_name + n_extra + n_comment, "a directory entry");
        if (n_name > max_name) {
            fail(error_code::FILE_LIMIT,
                 "expected names of at most " + std::to_string(max_name) + " bytes, found " + std::to_string(n_name));
        }
        look(at, n_central + n_name + n_extra, read_ahead);
        const std::string name = part_.substr((size_t) (at + n_central - part_at_), (size_t) n_name);
        read_extra(at + n_central + n_name, n_extra, size, packed, local);

        need(local, n_local, "an entry");
        char header[n_local];
        file_.read(local, n_local, header);
        const auto local_number = [&](size_t place, auto value) {
            memcpy(&value, header + place, sizeof(value));
            return value;
        };
        if (local_number(0, uint32_t()) != local_magic) {
            fail(error_code::FILE_FORMAT, "entry \"" + name.substr(0, 200) + "\": expected its header at byte " +
                                              std::to_string(local) + ", found other bytes");
        }
        const uint64_t data = local + n_local + local_number(26, uint16_t()) + local_number(28, uint16_t());
        need(data, packed, "an entry's data");
        zip_entry out;
        out.stored = method == 0 && (flags & 1) == 0 && packed == size;
        out.offset = data;
        out.size = size;
        if (!entries_.emplace(name, out).second)
            fail(error_code::FILE_FORMAT, "entry \"" + name.substr(0, 200) + "\": expected once, found twice");
        return at + n_central + n_name + n_extra + n_comment;
    }

    // Sizes and offsets of 32 one-bits are in a zip64 field, in this order; each is present only if needed.
    void read_extra(uint64_t at, uint64_t n, uint64_t & size, uint64_t & packed, uint64_t & local) const {
        const uint64_t end = at + n;
        while (at + 4 <= end) {
            const uint16_t id = number<uint16_t>(at);
            uint64_t left = number<uint16_t>(at + 2);
            at += 4;
            if (left > end - at) fail(error_code::FILE_FORMAT, "directory: an extra field is longer than its entry");
            const uint64_t next = at + left;
            for (uint64_t * value : {&size, &packed, &local}) {
                if (id == zip64_extra && *value == 0xffffffff && left >= 8) {
                    *value = number<uint64_t>(at);
                    at += 8;
                    left -= 8;
                }
            }
            at = next;
        }
    }

    const model_file & file_;
    const uint64_t size_;
    std::string part_;  // the most recent part
    uint64_t part_at_ = 0;
    uint64_t n_entries_ = 0, central_ = 0;
    std::map<std::string, zip_entry> entries_;
};

}  // namespace

bool is_zip(const std::string & head) {
    const uint32_t signature = local_magic;
    return head.size() >= sizeof(signature) && memcmp(head.data(), &signature, sizeof(signature)) == 0;
}

std::map<std::string, zip_entry> read_zip_directory(const model_file & file) { return zip_parser(file).run(); }

}  // namespace ggclip
