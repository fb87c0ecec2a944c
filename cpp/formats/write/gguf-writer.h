// Writes a GGUF file (version 3, little-endian) tensor by tensor, into a temporary file beside `path` that takes its
// place at the end in one step.
#pragma once

#include "engine/weights/model-source.h"
#include "formats/write/temporary-file.h"

#include <ggml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ggclip {

class gguf_writer {
  public:
    explicit gguf_writer(const std::string & path);  // UTF-8; nothing is opened before begin_data

    // 1. keys, each once
    void set_u32(const std::string & key, uint32_t value);
    void set_f32(const std::string & key, float value);
    void set_bool(const std::string & key, bool value);
    void set_string(const std::string & key, const std::string & value);
    void set_f32s(const std::string & key, const float * values, size_t n);
    void set_u32s(const std::string & key, const uint32_t * values, size_t n);
    void set_strings(const std::string & key, const std::vector<std::string> & values);

    // 2. tensors, in the order in which their data will come; ne[0] must fill whole blocks of `type`
    void add_tensor(const std::string & name, ggml_type type, int n_dims, const int64_t * ne);

    // 3. data: for each tensor any number of write() calls, then end_tensor(). All throw FILE_WRITE.
    void begin_data();
    void write(const void * data, size_t n_bytes);
    void end_tensor();

    // 4. flushes the temporary file to the disk and closes it: it may be read now. Returns its size.
    uint64_t close();
    const std::string & temporary() const { return file_->path(); }

    // 5. the temporary file takes the place of `path`.
    void commit() { file_->commit(); }

  private:
    struct tensor_info {
        std::string name;
        uint64_t n_bytes;
    };
    void key(const std::string & name, uint32_t kind);
    void put(const void * data, size_t n_bytes);
    void pad();

    std::string path_;
    std::optional<temporary_file> file_;
    std::string keys_, infos_;  // encoded
    std::vector<tensor_info> tensors_;
    uint64_t n_keys_ = 0, data_size_ = 0, written_ = 0, tensor_begin_ = 0;
    size_t current_ = 0;
};

// gguf-metadata.cpp: the keys of our own layout, version 1 (docs/gguf-layout.md), which families/gguf-model.cpp reads.
// `type`: of most matrices, or GGML_TYPE_COUNT when mixed
void write_metadata(const model_source & source, const tokenizer_source & tokenizer, ggml_type type,
                    gguf_writer & writer);

}  // namespace ggclip
