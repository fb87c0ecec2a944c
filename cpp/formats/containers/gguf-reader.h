// Reads the structure of GGUF files, versions 2 and 3, little-endian. Source: ggml/docs/gguf.md.
// Our own, because ggml's reader prints to stderr and asserts; here each defect becomes an error that names
// the file, the key or tensor, what was expected and what was found.
#pragma once

#include "engine/error.h"
#include "formats/containers/model-file.h"
#include "formats/containers/raw-tensor.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ggclip {

enum class gguf_kind : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

const char * to_string(gguf_kind kind);

struct gguf_value {
    gguf_kind kind = gguf_kind::u8;
    gguf_kind item = gguf_kind::u8;  // kind of an array's items
    uint64_t count = 0;              // items of an array, bytes of a string
    uint64_t at = 0;                 // byte of the file where the scalar, the characters or the first item are
    const uint8_t * data = nullptr;  // the same in memory; unaligned

    std::string describe() const;
};

class gguf_file {
  public:
    // Throws FILE_* and TENSOR_DUPLICATE. Keys and tensors are unique, every byte range lies in the file.
    explicit gguf_file(std::shared_ptr<const model_file> file);
    // For `inspect`: everything before the first defect, which goes to `failure`. Tensors may lack their data.
    gguf_file(std::shared_ptr<const model_file> file, std::unique_ptr<error> & failure);

    gguf_file(const gguf_file &) = delete;
    gguf_file & operator=(const gguf_file &) = delete;

    const std::string & path() const { return path_; }
    uint32_t version() const { return version_; }
    const tensor_table & tensors() const { return tensors_; }
    const std::map<std::string, gguf_value> & values() const { return values_; }

    bool has(const std::string & key) const { return values_.count(key) != 0; }

    // Typed access. The first form throws CONFIG_INVALID when the key is absent, the second gives `fallback`;
    // both when it is of another kind or outside [min, max]. Integers of every width are accepted.
    int64_t integer(const std::string & key, int64_t min, int64_t max) const;
    int64_t integer(const std::string & key, int64_t min, int64_t max, int64_t fallback) const;
    double real(const std::string & key, double min, double max) const;
    double real(const std::string & key, double min, double max, double fallback) const;
    bool boolean(const std::string & key, bool fallback) const;
    std::string string(const std::string & key, const std::string & fallback) const;
    std::vector<double> numbers(const std::string & key, size_t count, double min, double max) const;
    std::vector<std::string> strings(const std::string & key) const;  // empty when absent

    [[noreturn]] void invalid(const std::string & key, const std::string & expected) const;

  private:
    const gguf_value * find(const std::string & key) const;

    void set_data();

    std::string path_;
    std::vector<uint8_t> header_;  // that values_ points into
    uint32_t version_ = 0;
    std::map<std::string, gguf_value> values_;
    tensor_table tensors_;
};

}  // namespace ggclip
