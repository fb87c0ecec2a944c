#include "engine/weights/weight-loader.h"

#include "engine/memory/ggml-hooks.h"
#include "engine/weights/block-rows.h"
#include "engine/weights/kernel-rows.h"
#include "engine/weights/tensor-convert.h"
#include "kernels/float16.h"
#include "engine/weights/type-policy.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

constexpr size_t copy_bytes = 4 * 1024 * 1024;  // converted at a time

weight_loader::weight_loader(weights & out, const load_options & options) : out_(out), options_(options) {
    if (options.arithmetic == precision::exact) {
        wanted_ = GGML_TYPE_F32;
    } else if (!options.dtype.empty() && !parse_weight_type(options.dtype, &wanted_)) {
        throw_error(error_code::INPUT_RANGE, "dtype: expected a weight type such as f16 or q8_0, received '%s'",
                    options.dtype.c_str());
    }
    for (const source_tensor & tensor : out.source().tensors) by_name_.emplace(tensor.name, &tensor);

    const ggml_init_params params = {ggml_tensor_overhead() * (out.source().tensors.size() + 8), nullptr,
                                     /*no_alloc=*/true};
    out_.context_.reset(ggml_init(params));
    if (!out_.context_) throw_error(error_code::OUT_OF_MEMORY, "could not allocate the tensor table");
    if (out_.kernels) packer_.emplace(*out_.kernels, out_.packed_);
}

void weight_loader::stop_if_cancelled() const {
    if (options_.cancelled && options_.cancelled->load(std::memory_order_relaxed))
        throw_error(error_code::ABORTED, "loading was cancelled");
}

const source_tensor & weight_loader::find(const std::string & name) const {
    stop_if_cancelled();
    const auto it = by_name_.find(name);
    if (it == by_name_.end())
        throw_error(error_code::TENSOR_MISSING, "%s: tensor '%s' is missing", out_.source().path.c_str(), name.c_str());
    return *it->second;
}

void weight_loader::check_shape(const source_tensor & tensor, const std::vector<int64_t> & expected) const {
    int64_t ne[4] = {1, 1, 1, 1};
    std::copy(expected.begin(), expected.end(), ne);
    if (std::equal(ne, ne + 4, tensor.ne)) return;
    throw_error(error_code::TENSOR_SHAPE, "%s: tensor '%s' (%s): expected %s, found %s", out_.source().path.c_str(),
                tensor.name.c_str(), tensor.origin.c_str(), shape_text(expected).c_str(),
                shape_text({tensor.ne, tensor.ne + tensor.n_dims}).c_str());
}

ggml_type weight_loader::memory_type(const source_tensor & tensor) const {
    if (wanted_ == GGML_TYPE_COUNT) return tensor.type;
    return holding(tensor, weight_type_for(tensor, wanted_));
}

// `wanted`, or a wider type if the values exceed f16, which most types use for their scales.
ggml_type weight_loader::holding(const source_tensor & tensor, ggml_type wanted) const {
    if (wanted == tensor.type || wanted == GGML_TYPE_F32 || wanted == GGML_TYPE_BF16) return wanted;
    const float largest = largest_magnitude(tensor);
    if (std::isinf(largest)) {
        throw_error(error_code::FILE_FORMAT, "%s: tensor '%s' (%s): expected finite values, found NaN or infinity",
                    out_.source().path.c_str(), tensor.name.c_str(), tensor.origin.c_str());
    }
    if (largest <= kernels::max_f16) return wanted;
    return tensor.type == GGML_TYPE_BF16 ? GGML_TYPE_BF16 : GGML_TYPE_F32;
}

void weight_loader::count(ggml_type type, size_t n_bytes) {
    type_count & entry = out_.types[ggml_type_name(type)];
    entry.n_tensors++;
    entry.n_bytes += n_bytes;
    *n_bytes_ += n_bytes;
}

ggml_tensor * weight_loader::copied(const expected_tensor & tensor, const source_tensor & from, ggml_type type) {
    std::vector<int64_t> ne = tensor.ne;
    ne[0] = whole_blocks(type, ne[0]);
    ggml_tensor * out = ggml_new_tensor(out_.context_.get(), type, (int) ne.size(), ne.data());
    ggml_set_name(out, tensor.name.c_str());
    copies_.push_back({out, &from, tensor.ne});
    count(type, ggml_nbytes(out));
    return out;
}

ggml_tensor * weight_loader::load_plain(const expected_tensor & tensor, const source_tensor & from) {
    const int64_t total = from.ne[0] * from.ne[1] * from.ne[2] * from.ne[3];
    const bool is_vector = tensor.role == tensor_role::vector && total == tensor.ne[0];  // accepts [1, 1, n] as [n]
    if (!is_vector) check_shape(from, tensor.ne);
    if (tensor.role != tensor_role::table) return copied(tensor, from, GGML_TYPE_F32);
    ggml_type type = memory_type(from);
    // not every GPU backend supports row lookup in quantised tables
    if (!is_cpu(out_.device) && ggml_is_quantized(type)) type = holding(from, GGML_TYPE_F16);
    return copied(tensor, from, type);
}

void weight_loader::pack(linear_weights & out, const source_tensor & from, ggml_type type,
                         kernels::weight_type packed_type) {
    out.packed = packer_->add(from, out.n_out, out.n_in, type, packed_type);
    // i8 is not a ggml type; q8_0 is the nearest
    count(packed_type == kernels::weight_type::i8 ? GGML_TYPE_Q8_0 : type,
          out_.kernels->packed_size(packed_type, out.packed.n_out, out.packed.n_in));
}

void weight_loader::load_matrix(expected_tensor tensor, const source_tensor & stored, linear_weights & out) {
    source_tensor from = stored;
    const bool is_patches = tensor.role == tensor_role::patches;
    if (is_patches) {  // [patch, patch, channel, n_embd] is a matrix over flattened patches
        tensor.ne = {tensor.ne[0] * tensor.ne[1] * tensor.ne[2], tensor.ne[3]};
        from.ne[0] = from.ne[0] * from.ne[1] * from.ne[2];
        from.ne[1] = from.ne[3];
        from.ne[2] = from.ne[3] = 1;
        from.n_dims = 2;
    }
    check_shape(from, tensor.ne);

    out.n_in = (int) tensor.ne[0];
    out.n_out = (int) tensor.ne[1];
    out.name = tensor.name;
    ggml_type type = memory_type(from);
    // plain ggml rounds an f16 matrix's input to f16; avoid that for pixels
    if (!out_.kernels && is_patches && type == GGML_TYPE_F16) type = GGML_TYPE_F32;
    const bool as_bytes = options_.arithmetic == precision::fast && out.n_in <= kernels::max_i8_inputs;
    if (out_.kernels && as_bytes) pack(out, from, GGML_TYPE_F32, kernels::weight_type::i8);
    else if (out_.kernels) pack(out, from, type, kernel_type(type));
    else out.w = copied(tensor, stored, type);
}

void weight_loader::load() {
    for (const placed_tensor & tensor : place_tensors(out_.hp, out_.vision, out_.text)) {
        const source_tensor & from = find(tensor.name);
        n_bytes_ = tensor.tower == 'v' ? &out_.n_bytes_vision : &out_.n_bytes_text;
        if (tensor.linear) load_matrix(tensor, from, *tensor.linear);
        else *tensor.tensor = load_plain(tensor, from);
    }
    out_.share_.resize(out_.n_bytes_vision + out_.n_bytes_text, "the weights");
    copy();
    if (packer_) packer_->run(options_.n_threads, options_.cancelled);
    out_.source().check_unchanged();
}

void weight_loader::copy() {
    if (copies_.empty()) return;
    const bool cpu = ggml_backend_dev_type(out_.device) == GGML_BACKEND_DEVICE_TYPE_CPU;
    ggml_backend_buffer_type_t type = cpu ? cpu_buffer_type() : ggml_backend_dev_buffer_type(out_.device);
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors_from_buft(out_.context_.get(), type);
    if (!buffer)
        throw_error(error_code::OUT_OF_MEMORY, "%s: could not allocate memory for the weights",
                    out_.source().path.c_str());
    ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    out_.buffers_.emplace_back(buffer);

    std::vector<uint8_t> converted;
    for (const pending_copy & copy : copies_) {
        source_tensor from = *copy.from;
        // the destination's shape defines the rows: a patch embedding is 4-D in the file, 2-D here
        std::fill(from.ne, from.ne + 4, 1);
        std::copy(copy.ne.begin(), copy.ne.end(), from.ne);
        const ggml_type type_here = copy.tensor->type;
        const size_t row = row_bytes(type_here, from.ne[0]);
        const int64_t n_rows = ggml_nrows(copy.tensor), step = std::max<int64_t>(1, (int64_t) (copy_bytes / row));
        for (int64_t first = 0; first < n_rows; first += step) {
            stop_if_cancelled();
            const int64_t n = std::min(step, n_rows - first);
            const size_t at = (size_t) first * row, n_bytes = (size_t) n * row;
            if (cpu) {
                convert_rows(from, type_here, first, n, static_cast<uint8_t *>(copy.tensor->data) + at);
                continue;
            }
            converted.resize(n_bytes);
            convert_rows(from, type_here, first, n, converted.data());
            ggml_backend_tensor_set(copy.tensor, converted.data(), at, n_bytes);
        }
    }
}

}  // namespace ggclip
