#include "formats/layout/computed-rows.h"

#include <cstring>

namespace ggclip {

namespace {

int64_t count_of(const std::vector<int64_t> & ne) {
    int64_t n = 1;
    for (const int64_t size : ne) n *= size;
    return n;
}

}  // namespace

std::vector<float> values_of(const raw_tensor & raw, int64_t first, int64_t n) {
    const size_t size = ggml_type_size(raw.type);
    std::vector<uint8_t> bytes((size_t) n * size);
    raw.bytes->read(raw.offset + (uint64_t) first * size, bytes.size(), bytes.data());
    std::vector<float> out((size_t) n);
    if (raw.type == GGML_TYPE_F32) memcpy(out.data(), bytes.data(), bytes.size());
    else ggml_get_type_traits(raw.type)->to_float(bytes.data(), out.data(), n);
    return out;
}

std::vector<float> values_of(const raw_tensor & raw) { return values_of(raw, 0, count_of(raw.ne)); }

void row_source::read(uint64_t offset, size_t n_bytes, void * dst) const {
    if (n_bytes == 0) return;
    const uint64_t row = (uint64_t) n_ * sizeof(float);
    const int64_t first = (int64_t) (offset / row), end = (int64_t) ((offset + n_bytes + row - 1) / row);
    const std::vector<float> values = rows(first, end - first);
    memcpy(dst, reinterpret_cast<const uint8_t *>(values.data()) + (offset - (uint64_t) first * row), n_bytes);
}

raw_tensor computed(std::shared_ptr<const byte_source> source, std::vector<int64_t> ne, const std::string & path) {
    raw_tensor raw;
    raw.path = path;
    raw.dtype = "f32";
    raw.type = GGML_TYPE_F32;
    raw.n_bytes = (size_t) count_of(ne) * sizeof(float);
    raw.ne = std::move(ne);
    raw.bytes = std::move(source);
    return raw;
}

}  // namespace ggclip
