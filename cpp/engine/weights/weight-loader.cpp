#include "engine/weights/weight-loader.h"

#include "engine/run/cpu-buffers.h"
#include "engine/names.h"
#include "engine/weights/tensor-convert.h"
#include "engine/weights/type-policy.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ggclip {

constexpr size_t copy_bytes = 4 * 1024 * 1024;  // converted at a time

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static std::string
format(const char * pattern, ...) {
    char text[256];
    va_list args;
    va_start(args, pattern);
    vsnprintf(text, sizeof(text), pattern, args);
    va_end(args);
    return text;
}

static std::string shape_text(const int64_t * ne, int n) {
    std::string text = "[";
    for (int i = 0; i < n; i++) text += (i ? ", " : "") + std::to_string(ne[i]);
    return text + "]";
}

// ggml type -> kernel type; false for the types that only plain ggml computes (K-quants, iq4_nl)
static bool kernel_type(ggml_type type, kernels::weight_type * out) {
    switch (type) {
        case GGML_TYPE_F32: *out = kernels::weight_type::f32; return true;
        case GGML_TYPE_F16: *out = kernels::weight_type::f16; return true;
        case GGML_TYPE_BF16: *out = kernels::weight_type::bf16; return true;
        case GGML_TYPE_Q8_0: *out = kernels::weight_type::q8_0; return true;
        case GGML_TYPE_Q5_0: *out = kernels::weight_type::q5_0; return true;
        case GGML_TYPE_Q5_1: *out = kernels::weight_type::q5_1; return true;
        case GGML_TYPE_Q4_0: *out = kernels::weight_type::q4_0; return true;
        case GGML_TYPE_Q4_1: *out = kernels::weight_type::q4_1; return true;
        default: return false;
    }
}

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

const source_tensor * weight_loader::find_optional(const std::string & name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
}

const source_tensor & weight_loader::find(const std::string & name) const {
    stop_if_cancelled();
    const source_tensor * tensor = find_optional(name);
    if (!tensor)
        throw_error(error_code::TENSOR_MISSING, "%s: tensor '%s' is missing", out_.source().path.c_str(), name.c_str());
    return *tensor;
}

void weight_loader::check_shape(const source_tensor & tensor, std::initializer_list<int64_t> expected) const {
    int64_t ne[4] = {1, 1, 1, 1};
    std::copy(expected.begin(), expected.end(), ne);
    if (std::equal(ne, ne + 4, tensor.ne)) return;
    throw_error(error_code::TENSOR_SHAPE, "%s: tensor '%s' (%s): expected %s, found %s", out_.source().path.c_str(),
                tensor.name.c_str(), tensor.origin.c_str(), shape_text(ne, (int) expected.size()).c_str(),
                shape_text(tensor.ne, tensor.n_dims).c_str());
}

ggml_type weight_loader::memory_type(const source_tensor & tensor) const {
    if (wanted_ == GGML_TYPE_COUNT) return tensor.type;
    return holding(tensor, weight_type_for(tensor.name, tensor.n_dims, tensor.ne, tensor.type, wanted_));
}

// `wanted`, or where the tensor's values are beyond f16, which most types hold their scales in, a type that holds them.
ggml_type weight_loader::holding(const source_tensor & tensor, ggml_type wanted) const {
    constexpr float max_f16 = 65504.0f;
    if (wanted == tensor.type || wanted == GGML_TYPE_F32 || wanted == GGML_TYPE_BF16) return wanted;
    const float largest = largest_magnitude(tensor);
    if (std::isinf(largest)) {
        throw_error(error_code::FILE_FORMAT, "%s: tensor '%s' (%s): expected finite values, found NaN or infinity",
                    out_.source().path.c_str(), tensor.name.c_str(), tensor.origin.c_str());
    }
    if (largest <= max_f16) return wanted;
    return tensor.type == GGML_TYPE_BF16 ? GGML_TYPE_BF16 : GGML_TYPE_F32;
}

void weight_loader::count(ggml_type type, size_t n_bytes) {
    type_count & entry = out_.types[ggml_type_name(type)];
    entry.n_tensors++;
    entry.n_bytes += n_bytes;
    *n_bytes_ += n_bytes;
}

ggml_tensor * weight_loader::vector(const std::string & name, int64_t n) {
    const source_tensor & from = find(name);
    int64_t total = 1;
    for (int64_t extent : from.ne) total *= extent;
    if (total != n) check_shape(from, {n});  // [1, 1, n] is as good as [n]
    ggml_tensor * tensor = ggml_new_tensor_1d(out_.context_.get(), GGML_TYPE_F32, n);
    ggml_set_name(tensor, name.c_str());
    copies_.push_back({tensor, &from});
    count(GGML_TYPE_F32, ggml_nbytes(tensor));
    return tensor;
}

ggml_tensor * weight_loader::table(const std::string & name, int64_t n, int64_t rows, bool f32) {
    const source_tensor & from = find(name);
    check_shape(from, {n, rows});
    ggml_type type = f32 ? GGML_TYPE_F32 : memory_type(from);
    // row look-up in quantised tables is not in every GPU backend
    if (!is_cpu(out_.device) && ggml_is_quantized(type)) type = holding(from, GGML_TYPE_F16);
    ggml_tensor * tensor = ggml_new_tensor_2d(out_.context_.get(), type, n, rows);
    ggml_set_name(tensor, name.c_str());
    copies_.push_back({tensor, &from});
    count(type, ggml_nbytes(tensor));
    return tensor;
}

void weight_loader::pack(linear_weights & out, const source_tensor & from, ggml_type type,
                         kernels::weight_type packed_type) {
    out.packed = packer_->add(from, out.n_out, out.n_in, type, packed_type);
    // i8 is none of ggml's types; q8_0 is the nearest
    count(packed_type == kernels::weight_type::i8 ? GGML_TYPE_Q8_0 : type,
          out_.kernels->packed_size(packed_type, out.n_out, out.n_in));
}

linear_weights weight_loader::linear(const std::string & name, const std::string & bias, int64_t n_in, int64_t n_out) {
    source_tensor from = find(name);
    if (name == names::PATCH_EMBD) {  // [patch, patch, channel, n_embd] is a matrix over flattened patches
        from.ne[0] = from.ne[0] * from.ne[1] * from.ne[2];
        from.ne[1] = from.ne[3];
        from.ne[2] = from.ne[3] = 1;
        from.n_dims = 2;
    }
    check_shape(from, {n_in, n_out});

    linear_weights out;
    out.n_in = (int) n_in;
    out.n_out = (int) n_out;
    out.name = name;
    ggml_type type = memory_type(from);
    // plain ggml rounds its input to f16 for an f16 matrix, which pixels should not suffer
    if (!out_.kernels && name == names::PATCH_EMBD && type == GGML_TYPE_F16) type = GGML_TYPE_F32;
    kernels::weight_type packed_type = kernels::weight_type::f32;
    const bool as_bytes = options_.arithmetic == precision::fast && n_in <= kernels::max_i8_inputs;
    if (out_.kernels && as_bytes) {
        pack(out, from, GGML_TYPE_F32, kernels::weight_type::i8);
    } else if (out_.kernels && kernel_type(type, &packed_type)) {
        pack(out, from, type, packed_type);
    } else {
        out.w = ggml_new_tensor_2d(out_.context_.get(), type, n_in, n_out);
        ggml_set_name(out.w, name.c_str());
        copies_.push_back({out.w, by_name_.at(name)});
        count(type, ggml_nbytes(out.w));
    }
    if (!bias.empty()) out.b = vector(bias, n_out);
    return out;
}

norm_weights weight_loader::norm(const std::string & weight, const std::string & bias, int64_t n) {
    return {vector(weight, n), vector(bias, n)};
}

void weight_loader::tower(const char * prefix, const tower_hparams & hp, int64_t n_token, tower_weights & out) {
    const auto part = [&](int il, const char * name, const char * kind) {
        return format(names::BLOCK, prefix, il, name, kind);
    };
    if (hp.has_pre_ln)
        out.pre_ln = norm(format(names::PRE_LN, prefix, "weight"), format(names::PRE_LN, prefix, "bias"), hp.n_embd);
    out.position_embd = table(format(names::POSITION_EMBD, prefix), hp.n_embd, n_token, /*f32=*/true);
    out.blocks.resize((size_t) hp.n_layer);
    for (int il = 0; il < hp.n_layer; il++) {
        const auto linear_part = [&](const char * name, int64_t n_in, int64_t n_out) {
            return linear(part(il, name, "weight"), part(il, name, "bias"), n_in, n_out);
        };
        const auto qkv_part = [&](const char * name, int64_t n_out) {
            return linear(part(il, name, "weight"), hp.has_qkv_bias ? part(il, name, "bias") : "", hp.n_embd, n_out);
        };
        block_weights & block = out.blocks[(size_t) il];
        const block_hparams dims = hp.block(il);
        const int64_t n_attn = (int64_t) dims.n_head * hp.d_head;
        block.ln1 = norm(part(il, names::LN1, "weight"), part(il, names::LN1, "bias"), hp.n_embd);
        block.q = qkv_part(names::ATTN_Q, n_attn);
        block.k = qkv_part(names::ATTN_K, n_attn);
        block.v = qkv_part(names::ATTN_V, n_attn);
        block.out = linear_part(names::ATTN_OUT, n_attn, hp.n_embd);
        block.ln2 = norm(part(il, names::LN2, "weight"), part(il, names::LN2, "bias"), hp.n_embd);
        block.up = linear_part(names::FFN_UP, hp.n_embd, dims.n_ff);
        block.down = linear_part(names::FFN_DOWN, dims.n_ff, hp.n_embd);
        if (hp.has_layer_scale) {
            block.ls1 = vector(part(il, names::LS1, "weight"), hp.n_embd);
            block.ls2 = vector(part(il, names::LS2, "weight"), hp.n_embd);
        }
    }
    if (hp.has_post_ln)
        out.post_ln = norm(format(names::POST_LN, prefix, "weight"), format(names::POST_LN, prefix, "bias"), hp.n_embd);
}

void weight_loader::projection(const char * weight, const char * bias, const char * hidden, const tower_hparams & hp,
                               tower_weights & out) {
    if (!hp.has_proj) return;
    if (hp.n_proj_hidden > 0) out.proj_hidden = linear(hidden, "", hp.n_embd, hp.n_proj_hidden);
    out.proj = linear(weight, hp.has_proj_bias ? bias : "", hp.n_proj_hidden > 0 ? hp.n_proj_hidden : hp.n_embd,
                      out_.hp.n_proj);
}

void weight_loader::head(const vision_hparams & hp, head_weights & out) {
    const auto name = [](const char * part, const char * kind) { return format(names::HEAD, part, kind); };
    const auto part = [&](const char * p, int64_t n_in, int64_t n_out) {
        return linear(name(p, "weight"), name(p, "bias"), n_in, n_out);
    };
    out.probe = vector(names::HEAD_PROBE, hp.n_embd);
    out.q = part(names::ATTN_Q, hp.n_embd, hp.n_embd);
    out.k = part(names::ATTN_K, hp.n_embd, hp.n_embd);
    out.v = part(names::ATTN_V, hp.n_embd, hp.n_embd);
    out.out = part(names::ATTN_OUT, hp.n_embd, hp.n_embd);
    out.ln = norm(name("ln", "weight"), name("ln", "bias"), hp.n_embd);
    out.up = part(names::FFN_UP, hp.n_embd, hp.n_ff);
    out.down = part(names::FFN_DOWN, hp.n_ff, hp.n_embd);
}

void weight_loader::load_vision() {
    const vision_hparams & hp = out_.hp.vision;
    vision_weights & v = out_.vision;
    n_bytes_ = &out_.n_bytes_vision;
    v.patch = linear(names::PATCH_EMBD, hp.has_patch_bias ? names::PATCH_BIAS : "",
                     (int64_t) hp.patch_size * hp.patch_size * hp.n_channel, hp.n_embd);
    if (hp.has_class_embd) v.class_embd = vector(names::CLASS_EMBD, hp.n_embd);
    tower("v", hp, hp.n_token(), v);
    if (hp.pool == pooling::attention) head(hp, v.head);
    projection(names::VISUAL_PROJ, names::VISUAL_PROJ_BIAS, names::VISUAL_PROJ_HIDDEN, hp, v);
}

void weight_loader::load_text() {
    const text_hparams & hp = out_.hp.text;
    text_weights & t = out_.text;
    n_bytes_ = &out_.n_bytes_text;
    t.token_embd = table(names::TOKEN_EMBD, hp.n_embd, hp.n_vocab, /*f32=*/false);
    if (hp.n_token_type > 0) t.type_embd = table(names::TOKEN_TYPE_EMBD, hp.n_embd, hp.n_token_type, /*f32=*/true);
    tower("t", hp, hp.n_positions(), t);
    projection(names::TEXT_PROJ, names::TEXT_PROJ_BIAS, names::TEXT_PROJ_HIDDEN, hp, t);
}

void weight_loader::finish() {
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
        // the destination's shape decides how rows are cut: a patch embedding is 4-D in the file, 2-D here
        std::copy(copy.tensor->ne, copy.tensor->ne + 4, from.ne);
        const ggml_type type_here = copy.tensor->type;
        const size_t row = ggml_row_size(type_here, from.ne[0]);
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
