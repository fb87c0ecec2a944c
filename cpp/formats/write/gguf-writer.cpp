#include "formats/write/gguf-writer.h"

#include "engine/error.h"
#include "formats/containers/gguf-reader.h"

#include <cerrno>
#include <cstdio>

namespace ggclip {

namespace {

constexpr uint32_t gguf_version = 3;
constexpr uint64_t alignment = 32;  // the format's default

template <typename T>
void append(std::string & out, T value) {
    out.append(reinterpret_cast<const char *>(&value), sizeof(value));
}

void append_string(std::string & out, const std::string & text) {
    append<uint64_t>(out, text.size());
    out += text;
}

}  // namespace

gguf_writer::gguf_writer(const std::string & path) : path_(path) {}

void gguf_writer::key(const std::string & name, uint32_t kind) {
    append_string(keys_, name);
    append<uint32_t>(keys_, kind);
    n_keys_++;
}

void gguf_writer::set_u32(const std::string & name, uint32_t value) {
    key(name, (uint32_t) gguf_kind::u32);
    append<uint32_t>(keys_, value);
}

void gguf_writer::set_f32(const std::string & name, float value) {
    key(name, (uint32_t) gguf_kind::f32);
    append<float>(keys_, value);
}

void gguf_writer::set_bool(const std::string & name, bool value) {
    key(name, (uint32_t) gguf_kind::boolean);
    append<uint8_t>(keys_, value ? 1 : 0);
}

void gguf_writer::set_string(const std::string & name, const std::string & value) {
    key(name, (uint32_t) gguf_kind::string);
    append_string(keys_, value);
}

void gguf_writer::set_f32s(const std::string & name, const float * values, size_t n) {
    key(name, (uint32_t) gguf_kind::array);
    append<uint32_t>(keys_, (uint32_t) gguf_kind::f32);
    append<uint64_t>(keys_, n);
    keys_.append(reinterpret_cast<const char *>(values), n * sizeof(float));
}

void gguf_writer::set_u32s(const std::string & name, const uint32_t * values, size_t n) {
    key(name, (uint32_t) gguf_kind::array);
    append<uint32_t>(keys_, (uint32_t) gguf_kind::u32);
    append<uint64_t>(keys_, n);
    keys_.append(reinterpret_cast<const char *>(values), n * sizeof(uint32_t));
}

void gguf_writer::set_strings(const std::string & name, const std::vector<std::string> & values) {
    key(name, (uint32_t) gguf_kind::array);
    append<uint32_t>(keys_, (uint32_t) gguf_kind::string);
    append<uint64_t>(keys_, values.size());
    for (const std::string & value : values) append_string(keys_, value);
}

void gguf_writer::add_tensor(const std::string & name, ggml_type type, int n_dims, const int64_t * ne) {
    uint64_t n_bytes = ggml_row_size(type, ne[0]);
    append_string(infos_, name);
    append<uint32_t>(infos_, (uint32_t) n_dims);
    for (int i = 0; i < n_dims; i++) {
        append<uint64_t>(infos_, (uint64_t) ne[i]);
        n_bytes *= i > 0 ? (uint64_t) ne[i] : 1;
    }
    append<uint32_t>(infos_, (uint32_t) type);
    append<uint64_t>(infos_, data_size_);
    data_size_ += (n_bytes + alignment - 1) / alignment * alignment;
    tensors_.push_back({name, n_bytes});
}

void gguf_writer::put(const void * data, size_t n_bytes) {
    errno = 0;
    if (n_bytes > 0 && fwrite(data, 1, n_bytes, file_->stream()) != n_bytes) file_->fail("writing");
    written_ += n_bytes;
}

void gguf_writer::pad() {
    const char zeros[alignment] = {};
    put(zeros, (size_t) ((alignment - written_ % alignment) % alignment));
}

void gguf_writer::begin_data() {
    file_.emplace(path_);
    std::string head = "GGUF";
    append<uint32_t>(head, gguf_version);
    append<uint64_t>(head, tensors_.size());
    append<uint64_t>(head, n_keys_);
    put(head.data(), head.size());
    put(keys_.data(), keys_.size());
    put(infos_.data(), infos_.size());
    pad();
    tensor_begin_ = written_;
    keys_ = infos_ = std::string();
}

void gguf_writer::write(const void * data, size_t n_bytes) { put(data, n_bytes); }

void gguf_writer::end_tensor() {
    const uint64_t found = written_ - tensor_begin_;
    if (current_ >= tensors_.size() || tensors_[current_].n_bytes != found) {
        throw_error(error_code::INTERNAL, path_ + ": tensor " +
                                              (current_ < tensors_.size() ? tensors_[current_].name : "?") +
                                              ": wrote " + std::to_string(found) + " bytes, not what was declared");
    }
    pad();
    tensor_begin_ = written_;
    current_++;
}

uint64_t gguf_writer::close() {
    if (current_ != tensors_.size()) {
        throw_error(error_code::INTERNAL,
                    path_ + ": " + std::to_string(tensors_.size() - current_) + " tensors without data");
    }
    file_->close();
    return written_;
}

}  // namespace ggclip
