#include "formats/containers/gguf-reader.h"

#include "engine/error.h"
#include "engine/names.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace ggclip {

namespace {

constexpr uint64_t max_keys = 65536;
constexpr uint64_t max_tensors = 65536;
constexpr uint64_t max_name = 65535;       // bytes of a key; the format's own limit
constexpr uint64_t max_tensor_name = 256;  // the format says 64; some writers are longer
constexpr uint32_t max_alignment = 65536;
constexpr uint32_t default_alignment = 32;
constexpr uint32_t n_kinds = 13;
constexpr uint64_t max_header = 256u << 20;  // bytes before the tensor data, which are kept in memory
constexpr uint64_t first_read = 64u << 10, most_read = 16u << 20;  // more of the header is read as it is needed

// bytes of a value; 0: variable length
constexpr size_t kind_size[n_kinds] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct extent {
    uint64_t offset;
    raw_tensor * tensor;
    const std::string * name;
};

class gguf_parser {
  public:
    gguf_parser(std::shared_ptr<const model_file> file, std::vector<uint8_t> & header,
                std::map<std::string, gguf_value> & values, tensor_table & tensors)
        : file_(std::move(file)), path_(file_->path()), size_(file_->size()), header_(header), values_(values),
          tensors_(tensors) {}

    uint32_t run() {
        const uint32_t version = header();
        for (uint64_t i = 0; i < n_keys_; i++) key_value(i);
        const uint64_t alignment = read_alignment();
        for (uint64_t i = 0; i < n_tensors_; i++) tensor_info(i);
        // the data section begins at the next multiple of the alignment
        const uint64_t data = (at_ + alignment - 1) / alignment * alignment;
        place_tensors(data, alignment);
        return version;
    }

  private:
    [[noreturn]] void fail(error_code code, const std::string & what) const {
        throw_error(code, path_ + ": " + (where_.empty() ? "" : where_ + ": ") + what);
    }

    const uint8_t * take(uint64_t n, const char * what) {
        if (n > size_ - at_) {
            fail(error_code::FILE_TRUNCATED, "expected " + std::to_string(n) + " bytes of " + what + " at byte " +
                                                 std::to_string(at_) + ", found " + std::to_string(size_ - at_));
        }
        if (at_ + n > header_.size()) read_to(at_ + n);
        at_ += n;
        return header_.data() + (at_ - n);  // until the next take()
    }

    void read_to(uint64_t end) {
        if (end > max_header) {
            fail(error_code::FILE_LIMIT, "expected at most " + std::to_string(max_header) +
                                             " bytes before the tensors' data, found " + std::to_string(end) +
                                             " or more");
        }
        const uint64_t had = header_.size(), ahead = std::clamp<uint64_t>(had, first_read, most_read);
        header_.resize((size_t) std::min(size_, std::max(end, had + ahead)));
        file_->read(had, header_.size() - (size_t) had, header_.data() + had);
    }

    template <typename T>
    T number(const char * what) {
        T value;
        memcpy(&value, take(sizeof(T), what), sizeof(T));
        return value;
    }

    std::string text(uint64_t max, const char * what) {
        const uint64_t n = number<uint64_t>(what);
        if (n > max) {
            fail(error_code::FILE_LIMIT, std::string(what) + ": expected a length of at most " + std::to_string(max) +
                                             ", found " + std::to_string(n));
        }
        return std::string(reinterpret_cast<const char *>(take(n, what)), (size_t) n);
    }

    uint32_t header() {
        if (memcmp(take(4, "magic"), "GGUF", 4) != 0)
            fail(error_code::FILE_FORMAT, "expected the magic \"GGUF\", found other bytes");
        const uint32_t version = number<uint32_t>("version");
        if (version == 0x02000000u || version == 0x03000000u)
            fail(error_code::FILE_FORMAT, "expected a little-endian file, found a big-endian one");
        if (version != 2 && version != 3)
            fail(error_code::FILE_FORMAT, "expected GGUF version 2 or 3, found " + std::to_string(version));
        n_tensors_ = number<uint64_t>("tensor count");
        n_keys_ = number<uint64_t>("key count");
        if (n_tensors_ > max_tensors) {
            fail(error_code::FILE_LIMIT, "tensor count: expected at most " + std::to_string(max_tensors) + ", found " +
                                             std::to_string(n_tensors_));
        }
        if (n_keys_ > max_keys) {
            fail(error_code::FILE_LIMIT,
                 "key count: expected at most " + std::to_string(max_keys) + ", found " + std::to_string(n_keys_));
        }
        return version;
    }

    gguf_kind kind(const char * what) {
        const uint32_t word = number<uint32_t>(what);
        if (word >= n_kinds)
            fail(error_code::FILE_FORMAT, std::string(what) + ": expected 0 to 12, found " + std::to_string(word));
        return (gguf_kind) word;
    }

    void check_boolean(const uint8_t * p) const {
        if (*p > 1) fail(error_code::FILE_FORMAT, "expected a boolean of 0 or 1, found " + std::to_string(*p));
    }

    void string_value(gguf_value & value) {
        value.count = number<uint64_t>("string length");
        value.at = at_;
        take(value.count, "string");
    }

    void array_value(gguf_value & value) {
        value.item = kind("array item kind");
        value.count = number<uint64_t>("array length");
        value.at = at_;
        if (value.item == gguf_kind::array)
            fail(error_code::FILE_FORMAT, "expected an array of scalars or strings, found an array of arrays");
        if (value.item == gguf_kind::string) {
            if (value.count > (size_ - at_) / 8) {  // a string takes at least 8 bytes: fail early
                fail(error_code::FILE_TRUNCATED, "expected " + std::to_string(value.count) + " strings, found " +
                                                     std::to_string(size_ - at_) + " bytes");
            }
            for (uint64_t i = 0; i < value.count; i++) take(number<uint64_t>("string length"), "string");
            return;
        }
        const size_t size = kind_size[(uint32_t) value.item];
        if (value.count > (size_ - at_) / size) {
            fail(error_code::FILE_TRUNCATED, "expected " + std::to_string(value.count) + " items of " +
                                                 std::to_string(size) + " bytes, found " + std::to_string(size_ - at_) +
                                                 " bytes");
        }
        const uint8_t * items = take(value.count * size, "array");
        for (uint64_t i = 0; value.item == gguf_kind::boolean && i < value.count; i++) check_boolean(items + i);
    }

    void key_value(uint64_t index) {
        where_ = "key " + std::to_string(index);
        const std::string key = text(max_name, "key");
        where_ = "key \"" + key.substr(0, 200) + "\"";
        if (key.empty()) fail(error_code::FILE_FORMAT, "expected a name, found an empty one");
        gguf_value value;
        value.kind = kind("value kind");
        if (value.kind == gguf_kind::string) {
            string_value(value);
        } else if (value.kind == gguf_kind::array) {
            array_value(value);
        } else {
            value.at = at_;
            const uint8_t * scalar = take(kind_size[(uint32_t) value.kind], "value");
            if (value.kind == gguf_kind::boolean) check_boolean(scalar);
        }
        if (!values_.emplace(key, value).second) fail(error_code::FILE_FORMAT, "expected once, found twice");
        where_.clear();
    }

    uint64_t read_alignment() const {
        const auto found = values_.find(names::alignment);
        if (found == values_.end()) return default_alignment;
        gguf_value value = found->second;
        value.data = header_.data() + value.at;
        uint32_t alignment = 0;
        const bool word = value.kind == gguf_kind::u32;
        if (word) memcpy(&alignment, value.data, sizeof(alignment));
        if (!word || alignment == 0 || (alignment & (alignment - 1)) != 0 || alignment > max_alignment) {
            fail(error_code::FILE_FORMAT, std::string("key ") + names::alignment + ": expected a power of two up to " +
                                              std::to_string(max_alignment) + " (u32), found " + value.describe());
        }
        return alignment;
    }

    void tensor_info(uint64_t index) {
        where_ = "tensor " + std::to_string(index);
        const std::string name = text(max_tensor_name, "name");
        where_ = "tensor \"" + name + "\"";
        raw_tensor tensor;
        tensor.path = path_;
        const uint32_t n_dims = number<uint32_t>("dimension count");
        if (n_dims > 4) fail(error_code::FILE_FORMAT, "expected at most 4 dimensions, found " + std::to_string(n_dims));
        for (uint32_t i = 0; i < n_dims; i++) {
            tensor.ne.push_back((int64_t) number<uint64_t>("dimension"));
            if (tensor.ne.back() < 1) {
                fail(error_code::FILE_FORMAT, "dimension " + std::to_string(i) + ": expected 1 or more, found " +
                                                  std::to_string((uint64_t) tensor.ne.back()));
            }
        }
        const uint32_t type = number<uint32_t>("type");
        set_size(tensor, type);
        const uint64_t offset = number<uint64_t>("offset");
        const auto added = tensors_.tensors.emplace(name, std::move(tensor));
        if (!added.second) fail(error_code::TENSOR_DUPLICATE, "expected once, found twice");
        extents_.push_back({offset, &added.first->second, &added.first->first});
        where_.clear();
    }

    // Type, and bytes from the shape; all products are checked.
    void set_size(raw_tensor & tensor, uint32_t word) const {
        const ggml_type_traits * traits = word < GGML_TYPE_COUNT ? ggml_get_type_traits((ggml_type) word) : nullptr;
        if (traits == nullptr || traits->blck_size <= 0 || traits->type_size == 0)
            fail(error_code::FILE_FORMAT, "expected a known ggml type, found " + std::to_string(word));
        tensor.type = (ggml_type) word;
        tensor.dtype = traits->type_name;
        const int64_t row = tensor.ne.empty() ? 1 : tensor.ne[0];
        if (row % traits->blck_size != 0) {
            fail(error_code::FILE_FORMAT, "expected rows of a multiple of " + std::to_string(traits->blck_size) +
                                              " values for " + tensor.dtype + ", found " + std::to_string(row));
        }
        constexpr uint64_t max = (uint64_t) std::numeric_limits<int64_t>::max();
        uint64_t n_bytes = traits->type_size, blocks = (uint64_t) (row / traits->blck_size);
        for (size_t i = 0; i < std::max<size_t>(tensor.ne.size(), 1); i++) {
            const uint64_t factor = i == 0 ? blocks : (uint64_t) tensor.ne[i];
            if (n_bytes > max / factor) {
                fail(error_code::FILE_LIMIT,
                     "the product of the dimensions " + shape_text(tensor.ne) + " overflows 63 bits");
            }
            n_bytes *= factor;
        }
        tensor.n_bytes = (size_t) n_bytes;
    }

    void place_tensors(uint64_t data, uint64_t alignment) {
        std::sort(extents_.begin(), extents_.end(),
                  [](const extent & a, const extent & b) { return a.offset < b.offset; });
        uint64_t end = 0;
        for (const extent & range : extents_) {
            where_ = "tensor \"" + *range.name + "\"";
            if (range.offset % alignment != 0) {
                fail(error_code::FILE_FORMAT, "offset: expected a multiple of " + std::to_string(alignment) +
                                                  ", found " + std::to_string(range.offset));
            }
            if (range.offset < end) {
                fail(error_code::FILE_FORMAT, "offset: expected " + std::to_string(end) +
                                                  " or more (the end of the tensor before), found " +
                                                  std::to_string(range.offset));
            }
            const uint64_t available = data < size_ ? size_ - data : 0;
            if (range.offset > available || range.tensor->n_bytes > available - range.offset) {
                fail(error_code::FILE_TRUNCATED, "expected " + std::to_string(range.tensor->n_bytes) +
                                                     " bytes at offset " + std::to_string(range.offset) +
                                                     ", found a data section of " + std::to_string(available));
            }
            range.tensor->bytes = file_;
            range.tensor->offset = data + range.offset;
            end = range.offset + range.tensor->n_bytes;
        }
        where_.clear();
    }

    const std::shared_ptr<const model_file> file_;
    const std::string & path_;
    const uint64_t size_;
    std::vector<uint8_t> & header_;
    std::map<std::string, gguf_value> & values_;
    tensor_table & tensors_;
    std::vector<extent> extents_;
    std::string where_;  // the current item, for messages
    uint64_t at_ = 0, n_keys_ = 0, n_tensors_ = 0;
};

}  // namespace

gguf_file::gguf_file(std::shared_ptr<const model_file> file) : path_(file->path()) {
    tensors_.files.push_back(file);
    version_ = gguf_parser(file, header_, values_, tensors_).run();
    set_data();
}

gguf_file::gguf_file(std::shared_ptr<const model_file> file, std::unique_ptr<error> & failure) : path_(file->path()) {
    tensors_.files.push_back(file);
    try {
        version_ = gguf_parser(file, header_, values_, tensors_).run();
    } catch (const error & defect) {
        failure = std::make_unique<error>(defect);
    }
    set_data();
}

// The header is not moved from here on.
void gguf_file::set_data() {
    for (auto & entry : values_) entry.second.data = header_.data() + entry.second.at;
}

}  // namespace ggclip
