// Binds a file's tensors to the engine's; all tensor checks are here.
#include "formats/layout/bind-tensors.h"

#include "engine/names.h"
#include "engine/weights/block-rows.h"
#include "formats/layout/limits.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace ggclip {

namespace {

// Drops trailing dimensions of 1 (PyTorch's first dimensions): files may omit or add them.
std::vector<int64_t> trim(std::vector<int64_t> ne) {
    while (!ne.empty() && ne.back() == 1) ne.pop_back();
    return ne;
}

// Exact shapes: a single-input matrix [1, n] is not a row [n], especially with rows made of blocks. Only a vector
// (always floats) may be stored as a matrix of one row or column.
bool fits(const std::vector<int64_t> & found, const std::vector<int64_t> & expected) {
    if (trim(found) == trim(expected)) return true;
    const auto one = std::find_if(found.begin(), found.end(), [](int64_t n) { return n != 1; });
    return expected.size() == 1 && one != found.end() && *one == expected[0] && trim({one, found.end()}).size() == 1;
}

// Whether zeros fill the rows of a quantised matrix to whole blocks.
bool fits_filled(const raw_tensor & raw, const std::vector<int64_t> & expected) {
    return expected.size() == 2 && raw.ne.size() == 2 && raw.type != GGML_TYPE_COUNT && ggml_is_quantized(raw.type) &&
           raw.ne[0] == whole_blocks(raw.type, expected[0]) && raw.ne[1] == expected[1];
}

std::string both_names(const expected_tensor & tensor, const tensor_origin & origin) {
    return origin.name == tensor.name ? "tensor " + tensor.name
                                      : "tensor " + tensor.name + " (in the file: " + origin.name + ")";
}

// Required shape of the file's tensor, in ggml order.
std::vector<int64_t> stored_shape(const expected_tensor & tensor, const tensor_origin & origin) {
    if (origin.channels_last) return {tensor.ne[0] * tensor.ne[1] * tensor.ne[2], tensor.ne[3]};
    if (origin.row) return {tensor.ne[0], origin.n_slices};
    std::vector<int64_t> ne = tensor.ne;
    ne.back() *= origin.n_slices;
    if (origin.transposed) std::swap(ne[0], ne[1]);
    return ne;
}

void check_type(const expected_tensor & tensor, const tensor_origin & origin, const raw_tensor & raw) {
    const bool matrix = tensor.ne.size() == 2 && !origin.transposed && !origin.channels_last;
    if (matrix ? is_matrix_type(raw.type) : is_float_type(raw.type)) return;
    throw_error(error_code::TENSOR_TYPE,
                raw.path + ": " + both_names(tensor, origin) + ": expected " +
                    (matrix ? "f32, f16, bf16, q4_0 to q8_0, a K-quant, iq4_nl or iq4_xs" : "f32, f16 or bf16") +
                    ", found " + raw.dtype);
}

source_tensor bind(const expected_tensor & tensor, const tensor_origin & origin, const raw_tensor & raw) {
    const std::vector<int64_t> shape = stored_shape(tensor, origin);
    const bool may_be_filled = tensor.role == tensor_role::matrix && !origin.transposed;
    if (!fits(raw.ne, shape) && !(may_be_filled && fits_filled(raw, shape))) {
        throw_error(error_code::TENSOR_SHAPE, raw.path + ": " + both_names(tensor, origin) + ": expected " +
                                                  shape_text(shape) + ", found " + shape_text(raw.ne) +
                                                  " (fastest dimension first)");
    }
    check_type(tensor, origin, raw);
    source_tensor out;
    out.name = tensor.name;
    out.origin = origin.name;
    out.role = tensor.role;
    out.type = raw.type;
    out.n_dims = (int) tensor.ne.size();
    for (size_t i = 0; i < tensor.ne.size(); i++) out.ne[i] = tensor.ne[i];
    out.transposed = origin.transposed;
    if (origin.channels_last) {
        out.n_pixel_last = (int32_t) (tensor.ne[0] * tensor.ne[1]);
        out.n_channel_last = (int32_t) tensor.ne[2];
    }
    out.n_bytes = raw.n_bytes / (size_t) origin.n_slices;  // slices are whole rows
    out.bytes = raw.bytes;
    out.offset = raw.offset + out.n_bytes * (size_t) origin.slice;
    return out;
}

}  // namespace

bool is_float_type(ggml_type type) { return type == GGML_TYPE_F32 || type == GGML_TYPE_F16 || type == GGML_TYPE_BF16; }

bool is_matrix_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32:
        case GGML_TYPE_F16:
        case GGML_TYPE_BF16:
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_Q4_1:
        case GGML_TYPE_Q5_0:
        case GGML_TYPE_Q5_1:
        case GGML_TYPE_Q8_0:
        case GGML_TYPE_Q2_K:
        case GGML_TYPE_Q3_K:
        case GGML_TYPE_Q4_K:
        case GGML_TYPE_Q5_K:
        case GGML_TYPE_Q6_K:
        case GGML_TYPE_IQ4_NL:
        case GGML_TYPE_IQ4_XS: return true;
        default: return false;
    }
}

tensor_errors::tensor_errors(std::vector<entry> entries)
    : error(entries[0].what.code(),
            entries[0].what.what() + (entries.size() > 1 ? " (and " + std::to_string(entries.size() - 1) +
                                                               " more tensors are missing or do not fit)"
                                                         : std::string())),
      all(std::move(entries)) {}

void bind_tensors(const tensor_table & table, const source_names & names, model_source & source) {
    std::set<std::string> used = {"logit_scale", "logit_bias"};
    std::vector<tensor_errors::entry> errors;
    for (const auto & entry : names.made) used.insert(entry.second.from.begin(), entry.second.from.end());
    for (const expected_tensor & tensor : expected_tensors(source.hp)) {
        const auto made = names.made.find(tensor.name);
        const tensor_origin origin = made == names.made.end() ? origin_of(tensor, names) : tensor_origin{tensor.name};
        if (made != names.made.end()) {
            source.tensors.push_back(bind(tensor, origin, made->second.raw));
            continue;
        }
        const auto found = table.tensors.find(origin.name);
        try {
            if (found == table.tensors.end()) {
                throw_error(error_code::TENSOR_MISSING, source.path + ": " + both_names(tensor, origin) +
                                                            ": expected " + shape_text(stored_shape(tensor, origin)) +
                                                            ", found nothing");
            }
            source.tensors.push_back(bind(tensor, origin, found->second));
        } catch (const error & failure) {
            errors.push_back({failure, origin.name});
        }
        used.insert(origin.name);
    }
    if (!errors.empty()) throw tensor_errors(std::move(errors));
    for (const auto & entry : table.tensors) {
        // index tables saved by old versions of transformers
        if (used.count(entry.first) == 0 && !ends_with(entry.first, "position_ids"))
            source.ignored.push_back(entry.first);
    }
    refuse_leftovers(table, names, source.hp, source.ignored);
    source.files = table.files;
}

int32_t projection_dim(const tensor_table & table, const source_names & names, const hparams & hp) {
    // a tower without a projection uses its own width
    const int64_t pooled = hp.vision.pool == pooling::attention ? hp.vision.pool_width() : hp.vision.n_embd;
    int64_t dim = hp.vision.present && !hp.vision.has_proj ? pooled : 0;
    std::string from = "the image tower's width";
    if (dim == 0 && hp.text.present && !hp.text.has_proj) {
        dim = hp.text.n_embd;
        from = "the text tower's width";
    }
    hparams probe = hp;
    probe.n_proj = 1;  // only names are needed
    for (const expected_tensor & tensor : expected_tensors(probe)) {
        if (tensor.part != names::proj || strcmp(tensor.suffix, "weight") != 0) continue;
        const tensor_origin origin = origin_of(tensor, names);
        const auto found = table.tensors.find(origin.name);
        if (found == table.tensors.end()) {
            throw_error(error_code::TENSOR_MISSING,
                        (table.tensors.empty() ? "" : table.tensors.begin()->second.path + ": ") +
                            both_names(tensor, origin) + ": expected a matrix, found nothing");
        }
        const raw_tensor & raw = found->second;
        const size_t out = origin.transposed ? 0 : 1;
        if (raw.ne.size() != 2 || raw.ne[out] < 1 || raw.ne[out] > limits::max_proj ||
            (raw.ne[1 - out] != tensor.ne[0] && !fits_filled(raw, {tensor.ne[0], raw.ne[1]}))) {
            throw_error(error_code::TENSOR_SHAPE,
                        raw.path + ": " + both_names(tensor, origin) + ": expected a matrix with " +
                            std::to_string(tensor.ne[0]) + " inputs and 1 to " + std::to_string(limits::max_proj) +
                            " outputs, found " + shape_text(raw.ne) + " (fastest dimension first)");
        }
        if (dim != 0 && raw.ne[out] != dim) {
            throw_error(error_code::TENSOR_SHAPE, raw.path + ": " + both_names(tensor, origin) + ": expected " +
                                                      std::to_string(dim) + " outputs like " + from + ", found " +
                                                      std::to_string(raw.ne[out]));
        }
        dim = raw.ne[out];
        from = origin.name;
    }
    return (int32_t) dim;
}

bool read_scalar(const tensor_table & table, const char * name, float & value) {
    const auto found = table.tensors.find(name);
    if (found == table.tensors.end()) return false;
    const raw_tensor & raw = found->second;
    if (!trim(raw.ne).empty()) {
        throw_error(error_code::TENSOR_SHAPE,
                    raw.path + ": tensor " + name + ": expected one value, found " + shape_text(raw.ne));
    }
    if (!is_float_type(raw.type)) {
        throw_error(error_code::TENSOR_TYPE,
                    raw.path + ": tensor " + name + ": expected f32, f16 or bf16, found " + raw.dtype);
    }
    uint8_t bytes[4] = {0, 0, 0, 0};
    raw.bytes->read(raw.offset, raw.type == GGML_TYPE_F32 ? 4 : 2, bytes);
    if (raw.type == GGML_TYPE_F32) {
        memcpy(&value, bytes, sizeof(value));
    } else if (raw.type == GGML_TYPE_F16) {
        ggml_fp16_t half;
        memcpy(&half, bytes, sizeof(half));
        value = ggml_fp16_to_fp32(half);
    } else {
        ggml_bf16_t half;
        memcpy(&half, bytes, sizeof(half));
        value = ggml_bf16_to_fp32(half);
    }
    if (!std::isfinite(value) || std::fabs(value) > 1e4f) {
        throw_error(error_code::CONFIG_INVALID,
                    raw.path + ": tensor " + name + ": expected a finite value, found " + std::to_string(value));
    }
    return true;
}

}  // namespace ggclip
