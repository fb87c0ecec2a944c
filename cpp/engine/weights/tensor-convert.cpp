#include "engine/weights/tensor-convert.h"

#include "engine/error.h"
#include "engine/weights/block-rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

static int64_t n_rows(const source_tensor & tensor) { return tensor.ne[1] * tensor.ne[2] * tensor.ne[3]; }

size_t converted_size(const source_tensor & tensor, ggml_type type) {
    return row_bytes(type, tensor.ne[0]) * (size_t) n_rows(tensor);
}

static void to_float(ggml_type type, const void * src, float * dst, int64_t n) {
    if (type == GGML_TYPE_F32) {
        memcpy(dst, src, (size_t) n * sizeof(float));
        return;
    }
    const ggml_type_traits * traits = ggml_get_type_traits(type);
    if (!traits || !traits->to_float)
        throw_error(error_code::TENSOR_TYPE, "element type %s cannot be read as numbers", ggml_type_name(type));
    traits->to_float(src, dst, n);
}

// One row of a transposed matrix: column `row` of the `stored` [ne1 of rows][ne0...] layout.
static void gather_transposed(const source_tensor & tensor, const uint8_t * stored, int64_t row, float * dst) {
    const size_t element = ggml_type_size(tensor.type);
    const int64_t n_stored = n_rows(tensor);  // elements per stored row
    for (int64_t i = 0; i < tensor.ne[0]; i++) {
        float value;  // holds an element of any transposable type, aligned
        memcpy(&value, stored + (size_t) (i * n_stored + row) * element, element);
        to_float(tensor.type, &value, dst + i, 1);
    }
}

// Values of one row of patches with channels stored last; `stored`: the whole tensor.
static void gather_channels(const source_tensor & tensor, const uint8_t * stored, int64_t row, float * dst) {
    const size_t element = ggml_type_size(tensor.type);
    const int64_t pixels = tensor.n_pixel_last, channels = tensor.n_channel_last;
    for (int64_t i = 0; i < tensor.ne[0]; i++) {
        const int64_t at = row * tensor.ne[0] + i, patch = at / (pixels * channels), within = at % (pixels * channels);
        const int64_t place = patch * pixels * channels + within % pixels * channels + within / pixels;
        float value;
        memcpy(&value, stored + (size_t) place * element, element);
        to_float(tensor.type, &value, dst + i, 1);
    }
}

// The largest magnitude of a tensor, compared as bits: positive floats sort like their bit patterns.
template <typename Bits>
static Bits largest_bits(const source_tensor & tensor) {
    constexpr Bits magnitude = (Bits) ((Bits) ~Bits(0) >> 1);
    std::vector<Bits> numbers(65536 / sizeof(Bits));
    Bits largest = 0;
    for (size_t at = 0; at < tensor.n_bytes; at += numbers.size() * sizeof(Bits)) {
        const size_t n = std::min(numbers.size() * sizeof(Bits), tensor.n_bytes - at);
        tensor.read(at, n, numbers.data());
        for (size_t i = 0; i < n / sizeof(Bits); i++) largest = std::max(largest, (Bits) (numbers[i] & magnitude));
    }
    return largest;
}

float largest_magnitude(const source_tensor & tensor) {
    float largest = 0;
    if (tensor.type == GGML_TYPE_F32) {
        const uint32_t bits = largest_bits<uint32_t>(tensor);
        memcpy(&largest, &bits, sizeof(bits));
    } else if (tensor.type == GGML_TYPE_BF16) {
        largest = ggml_bf16_to_fp32({largest_bits<uint16_t>(tensor)});
    } else if (tensor.type == GGML_TYPE_F16) {
        largest = ggml_fp16_to_fp32(largest_bits<uint16_t>(tensor));
    } else {
        std::vector<float> row((size_t) tensor.ne[0]);
        for (int64_t r = 0; r < n_rows(tensor); r++) {
            convert_rows(tensor, GGML_TYPE_F32, r, 1, row.data());
            for (float value : row) largest = std::isfinite(value) ? std::max(largest, std::fabs(value)) : INFINITY;
            if (std::isinf(largest)) break;
        }
    }
    return std::isfinite(largest) ? largest : INFINITY;
}

void convert_rows(const source_tensor & tensor, ggml_type type, int64_t first, int64_t n, void * dst,
                  const float * importance) {
    const size_t src_row = row_bytes(tensor.type, tensor.ne[0]), dst_row = row_bytes(type, tensor.ne[0]);
    const int64_t n_stored = whole_blocks(tensor.type, tensor.ne[0]), n_written = whole_blocks(type, tensor.ne[0]);
    if (tensor.type == type && tensor.as_stored()) {
        tensor.read((size_t) first * src_row, (size_t) n * src_row, dst);
        return;
    }
    // tensors in a different layout are needed whole, others a few rows at a time
    const int64_t step = tensor.as_stored() ? std::max<int64_t>(1, 65536 / (int64_t) src_row) : n;
    std::vector<float> row((size_t) std::max(n_stored, n_written));
    std::vector<uint8_t> stored;
    auto * out = static_cast<uint8_t *>(dst);
    for (int64_t begin = first; begin < first + n; begin += step) {
        const int64_t end = std::min(begin + step, first + n);
        const size_t from = tensor.as_stored() ? (size_t) begin * src_row : 0;
        stored.resize(tensor.as_stored() ? (size_t) (end - begin) * src_row : tensor.n_bytes);
        tensor.read(from, stored.size(), stored.data());
        for (int64_t r = begin; r < end; r++, out += dst_row) {
            if (tensor.transposed) gather_transposed(tensor, stored.data(), r, row.data());
            else if (tensor.n_channel_last > 0) gather_channels(tensor, stored.data(), r, row.data());
            else to_float(tensor.type, stored.data() + (size_t) (r - begin) * src_row, row.data(), n_stored);
            std::fill(row.begin() + tensor.ne[0], row.end(), 0.0f);
            ggml_quantize_chunk(type, row.data(), out, 0, 1, n_written, importance);
        }
    }
}

}  // namespace ggclip
