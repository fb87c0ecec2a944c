#include "formats/containers/checkpoint-files.h"

#include "engine/error.h"
#include "formats/containers/json.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace ggclip {

namespace {

constexpr uint64_t max_header = 100000000;  // bytes; the safetensors library's own limit
constexpr size_t max_tensors = 65536;
constexpr size_t max_dims = 8;

struct dtype_info {
    const char * name;
    size_t size;     // bytes of an element
    ggml_type type;  // COUNT: readable, but no weight
};

const dtype_info dtypes[] = {
    {"F32", 4, GGML_TYPE_F32},       {"F16", 2, GGML_TYPE_F16},       {"BF16", 2, GGML_TYPE_BF16},
    {"F64", 8, GGML_TYPE_COUNT},     {"I64", 8, GGML_TYPE_COUNT},     {"I32", 4, GGML_TYPE_COUNT},
    {"I16", 2, GGML_TYPE_COUNT},     {"I8", 1, GGML_TYPE_COUNT},      {"U64", 8, GGML_TYPE_COUNT},
    {"U32", 4, GGML_TYPE_COUNT},     {"U16", 2, GGML_TYPE_COUNT},     {"U8", 1, GGML_TYPE_COUNT},
    {"BOOL", 1, GGML_TYPE_COUNT},    {"C64", 8, GGML_TYPE_COUNT},     {"F8_E4M3", 1, GGML_TYPE_COUNT},
    {"F8_E5M2", 1, GGML_TYPE_COUNT}, {"F8_E8M0", 1, GGML_TYPE_COUNT},
};

struct extent {
    uint64_t begin, end;
    const std::string * name;
};

[[noreturn]] void fail(error_code code, const std::string & path, const std::string & tensor,
                       const std::string & text) {
    throw_error(code, path + (tensor.empty() ? "" : ": tensor \"" + tensor.substr(0, 200) + "\"") + ": " + text);
}

const json_value & member(const json_value & entry, const char * key, json_value::kind_t kind, const char * expected,
                          const std::string & path, const std::string & name) {
    const json_value * value = entry.find(key);
    if (value == nullptr || value->kind != kind) {
        fail(error_code::FILE_FORMAT, path, name,
             std::string(key) + ": expected " + expected + ", found " + (value ? value->describe() : "nothing"));
    }
    return *value;
}

// Dimensions in ggml order and the byte count they call for.
size_t read_shape(const json_value & shape, const dtype_info & dtype, raw_tensor & tensor, const std::string & name) {
    if (shape.items.size() > max_dims) {
        fail(error_code::FILE_LIMIT, tensor.path, name,
             "shape: expected at most " + std::to_string(max_dims) + " dimensions, found " +
                 std::to_string(shape.items.size()));
    }
    uint64_t n_bytes = dtype.size;
    bool zero = false;
    for (const json_value & dim : shape.items) {
        if (dim.kind != json_value::kind_t::integer || dim.integer < 0) {
            fail(error_code::FILE_FORMAT, tensor.path, name,
                 "shape: expected non-negative integers, found " + dim.describe());
        }
        const uint64_t n = (uint64_t) dim.integer;
        zero = zero || n == 0;
        if (n != 0 && n_bytes > (uint64_t) std::numeric_limits<int64_t>::max() / n)
            fail(error_code::FILE_LIMIT, tensor.path, name, "shape: the product of the dimensions overflows 63 bits");
        n_bytes *= n != 0 ? n : 1;
        tensor.ne.insert(tensor.ne.begin(), dim.integer);
    }
    return zero ? 0 : (size_t) n_bytes;
}

extent read_entry(const json_value & entry, const std::string & name, raw_tensor & tensor, uint64_t available) {
    using kind_t = json_value::kind_t;
    if (entry.kind != kind_t::object)
        fail(error_code::FILE_FORMAT, tensor.path, name, "expected an object, found " + entry.describe());
    const json_value & word = member(entry, "dtype", kind_t::string, "a string", tensor.path, name);
    const json_value & shape = member(entry, "shape", kind_t::array, "an array", tensor.path, name);
    const json_value & offsets = member(entry, "data_offsets", kind_t::array, "two integers", tensor.path, name);
    const dtype_info * dtype = nullptr;
    for (const dtype_info & candidate : dtypes) dtype = word.text == candidate.name ? &candidate : dtype;
    if (dtype == nullptr) {
        fail(error_code::FILE_FORMAT, tensor.path, name,
             "dtype: expected F32, F16, BF16 or another known type, found " + word.describe());
    }
    const size_t n_bytes = read_shape(shape, *dtype, tensor, name);
    const bool two = offsets.items.size() == 2 && offsets.items[0].kind == kind_t::integer &&
                     offsets.items[1].kind == kind_t::integer && offsets.items[0].integer >= 0 &&
                     offsets.items[1].integer >= offsets.items[0].integer;
    if (!two)
        fail(error_code::FILE_FORMAT, tensor.path, name, "data_offsets: expected two rising non-negative integers");
    const extent range = {(uint64_t) offsets.items[0].integer, (uint64_t) offsets.items[1].integer, &name};
    if (range.end - range.begin != n_bytes) {
        fail(error_code::FILE_FORMAT, tensor.path, name,
             "expected " + std::to_string(n_bytes) + " bytes for " + word.text + " " + shape_text(tensor.ne) +
                 ", found " + std::to_string(range.end - range.begin) + " in data_offsets");
    }
    if (range.end > available) {
        fail(error_code::FILE_TRUNCATED, tensor.path, name,
             "expected data up to byte " + std::to_string(range.end) + " of the data section, found a section of " +
                 std::to_string(available));
    }
    tensor.dtype = word.text;
    tensor.type = dtype->type;
    tensor.n_bytes = n_bytes;
    return range;
}

// The data section must be covered exactly: no overlap, no hole, nothing behind the last tensor.
void check_extents(std::vector<extent> & extents, uint64_t available, const std::string & path) {
    std::sort(extents.begin(), extents.end(), [](const extent & a, const extent & b) {
        return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    uint64_t end = 0;
    for (const extent & range : extents) {
        if (range.begin != end) {
            fail(error_code::FILE_FORMAT, path, *range.name,
                 "data_offsets: expected to begin at " + std::to_string(end) + " where the tensor before ends, found " +
                     std::to_string(range.begin) + (range.begin < end ? " (overlap)" : " (hole)"));
        }
        end = range.end;
    }
    if (end != available) {
        fail(error_code::FILE_FORMAT, path, "",
             "expected a data section of " + std::to_string(end) + " bytes, found " + std::to_string(available));
    }
}

}  // namespace

void read_safetensors(std::shared_ptr<const model_file> file, tensor_table & table) {
    const std::string & path = file->path();
    uint64_t n_header = 0;
    if (file->size() < sizeof(n_header)) {
        fail(error_code::FILE_TRUNCATED, path, "",
             "expected a header length of 8 bytes, found " + std::to_string(file->size()) + " bytes");
    }
    file->read(0, sizeof(n_header), &n_header);  // little-endian, as every platform of ours
    if (n_header > max_header) {
        fail(error_code::FILE_LIMIT, path, "",
             "header length: expected at most " + std::to_string(max_header) + ", found " + std::to_string(n_header) +
                 " (not a safetensors file?)");
    }
    const uint64_t data = sizeof(n_header) + n_header;
    if (data > file->size()) {
        fail(error_code::FILE_TRUNCATED, path, "",
             "expected a header of " + std::to_string(n_header) + " bytes, found " +
                 std::to_string(file->size() - sizeof(n_header)));
    }
    std::string text((size_t) n_header, '\0');
    file->read(sizeof(n_header), text.size(), &text[0]);
    json_limits limits;
    limits.max_bytes = (size_t) max_header;
    limits.max_values = max_tensors * (4 + 2 + max_dims);
    limits.max_depth = 4;  // header, entry, shape, numbers
    limits.duplicate_at_top = error_code::TENSOR_DUPLICATE;
    limits.file = file.get();
    const json_value header = parse_json(text, path, limits);
    if (header.kind != json_value::kind_t::object)
        fail(error_code::FILE_FORMAT, path, "", "header: expected an object, found " + header.describe());
    if (header.keys.size() > max_tensors) {
        fail(error_code::FILE_LIMIT, path, "",
             "expected at most " + std::to_string(max_tensors) + " tensors, found " +
                 std::to_string(header.keys.size()));
    }
    const uint64_t available = file->size() - data;
    std::vector<extent> extents;
    for (size_t i = 0; i < header.keys.size(); i++) {
        const std::string & name = header.keys[i];
        if (name == "__metadata__") continue;
        check_tensor_name(name, path);
        raw_tensor tensor;
        tensor.path = path;
        extents.push_back(read_entry(header.items[i], name, tensor, available));
        tensor.bytes = file;
        tensor.offset = data + extents.back().begin;
        const auto added = table.tensors.emplace(name, std::move(tensor));
        if (!added.second) {
            fail(error_code::TENSOR_DUPLICATE, path, name,
                 "expected once, found in " + added.first->second.path + " too");
        }
    }
    check_extents(extents, available, path);
    table.files.push_back(file);
}

}  // namespace ggclip
