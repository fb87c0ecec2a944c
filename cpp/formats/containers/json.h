// A small strict JSON reader (RFC 8259, UTF-8 without byte-order mark) with limits.
// It is our own because a general library keeps the last of two equal keys without a word, while in a
// safetensors header two equal keys are two tensors of one name, which must be refused.
#pragma once

#include "engine/error.h"
#include "formats/containers/model-file.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ggclip {

struct json_value {
    enum class kind_t : uint8_t { null, boolean, integer, real, string, array, object };
    kind_t kind = kind_t::null;
    bool flag = false;              // boolean
    int64_t integer = 0;            // integer
    double real = 0;                // real, and integer as well
    std::string text;               // string
    std::vector<json_value> items;  // array; object: the members' values
    std::vector<std::string> keys;  // object: the members' names, in file order

    const json_value * find(std::string_view key) const;
    std::string describe() const;  // for messages: `"abc" (string)`, `12`, `array of 3`
};

struct json_limits {
    size_t max_bytes = 16u << 20;
    size_t max_values = 1u << 20;  // a value takes about 120 bytes of memory
    int max_depth = 64;
    const model_file * file = nullptr;                      // called regularly to check for cancellation
    error_code duplicate_at_top = error_code::FILE_FORMAT;  // code for equal keys of the outermost object
};

// Throws FILE_FORMAT (syntax, with line and column) or FILE_LIMIT. `where` begins each message (a path).
json_value parse_json(std::string_view text, const std::string & where, const json_limits & limits = {});

// A value together with its path: typed access whose errors say what was expected and what was found.
// Every getter throws CONFIG_INVALID with path, key path, expectation and finding. Null counts as absent.
class json_ref {
  public:
    json_ref(const json_value * value, const std::string & file, const std::string & key_path)
        : value_(value), file_(file), path_(key_path) {}

    bool exists() const { return value_ != nullptr && value_->kind != json_value::kind_t::null; }
    bool is(json_value::kind_t kind) const { return value_ != nullptr && value_->kind == kind; }
    const json_value * value() const { return value_; }
    const std::string & path() const { return path_; }
    const std::string & file() const { return file_; }

    json_ref member(size_t index) const;      // of an object, in file order
    json_ref get(const char * key) const;     // member of an object; absent when this is absent
    json_ref at(size_t index) const;          // element of an array
    json_ref object(const char * key) const;  // member that must be an object or absent

    int64_t integer(const char * key, int64_t fallback, int64_t min, int64_t max) const;
    int32_t count(const char * key, int32_t fallback, int64_t max) const {  // from 1
        return (int32_t) integer(key, fallback, 1, max);
    }
    double real(const char * key, double fallback, double min, double max) const;
    bool boolean(const char * key, bool fallback) const;
    std::string string(const char * key, const std::string & fallback) const;

    // this value itself
    int64_t as_integer(int64_t min, int64_t max) const;
    double as_real(double min, double max) const;

    [[noreturn]] void invalid(const std::string & expected) const;       // CONFIG_INVALID
    [[noreturn]] void unsupported(const std::string & supported) const;  // MODEL_UNSUPPORTED

  private:
    std::string full(const char * key) const { return path_.empty() ? key : path_ + "." + key; }
    const json_value * value_;
    std::string file_;
    std::string path_;
};

}  // namespace ggclip
