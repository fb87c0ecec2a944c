// Typed access to the values of a GGUF file.
#include "engine/error.h"
#include "formats/containers/gguf-reader.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

namespace ggclip {

namespace {

constexpr uint64_t max_strings = 1 << 22;  // of a list: a vocabulary's tokens and more

template <typename T>
T read_as(const uint8_t * p) {
    T value;
    memcpy(&value, p, sizeof(value));
    return value;
}

// false: not an integer kind, or a u64 beyond int64
bool to_integer(gguf_kind kind, const uint8_t * p, int64_t & out) {
    switch (kind) {
        case gguf_kind::u8: out = *p; return true;
        case gguf_kind::i8: out = read_as<int8_t>(p); return true;
        case gguf_kind::u16: out = read_as<uint16_t>(p); return true;
        case gguf_kind::i16: out = read_as<int16_t>(p); return true;
        case gguf_kind::u32: out = read_as<uint32_t>(p); return true;
        case gguf_kind::i32: out = read_as<int32_t>(p); return true;
        case gguf_kind::i64: out = read_as<int64_t>(p); return true;
        case gguf_kind::u64: {
            const uint64_t wide = read_as<uint64_t>(p);
            out = (int64_t) wide;
            return wide <= (uint64_t) std::numeric_limits<int64_t>::max();
        }
        default: return false;
    }
}

bool to_real(gguf_kind kind, const uint8_t * p, double & out) {
    int64_t whole = 0;
    switch (kind) {
        case gguf_kind::f32: out = (double) read_as<float>(p); return true;
        case gguf_kind::f64: out = read_as<double>(p); return true;
        default:
            if (!to_integer(kind, p, whole)) return false;
            out = (double) whole;
            return true;
    }
}

size_t item_size(gguf_kind kind) {
    switch (kind) {
        case gguf_kind::u8:
        case gguf_kind::i8:
        case gguf_kind::boolean: return 1;
        case gguf_kind::u16:
        case gguf_kind::i16: return 2;
        case gguf_kind::u64:
        case gguf_kind::i64:
        case gguf_kind::f64: return 8;
        default: return 4;
    }
}

}  // namespace

const char * to_string(gguf_kind kind) {
    static const char * const words[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
    return words[(uint32_t) kind];
}

std::string gguf_value::describe() const {
    const std::string word = to_string(kind);
    double value = 0;
    if (kind == gguf_kind::string) {
        return "\"" + std::string(reinterpret_cast<const char *>(data), (size_t) (count < 100 ? count : 100)) +
               "\" (string)";
    }
    if (kind == gguf_kind::array) return "an array of " + std::to_string(count) + " " + to_string(item);
    if (kind == gguf_kind::boolean) return *data ? "true" : "false";
    return to_real(kind, data, value) ? number_text(value) + " (" + word + ")" : word;
}

const gguf_value * gguf_file::find(const std::string & key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

void gguf_file::invalid(const std::string & key, const std::string & expected) const {
    const gguf_value * value = find(key);
    throw_error(error_code::CONFIG_INVALID, path_ + ": key " + key + ": expected " + expected + ", found " +
                                                (value ? value->describe() : "nothing"));
}

int64_t gguf_file::integer(const std::string & key, int64_t min, int64_t max) const {
    const gguf_value * value = find(key);
    int64_t out = 0;
    if (value == nullptr || !to_integer(value->kind, value->data, out) || out < min || out > max)
        invalid(key, "an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return out;
}

int64_t gguf_file::integer(const std::string & key, int64_t min, int64_t max, int64_t fallback) const {
    return has(key) ? integer(key, min, max) : fallback;
}

double gguf_file::real(const std::string & key, double min, double max) const {
    const gguf_value * value = find(key);
    double out = 0;
    if (value == nullptr || !to_real(value->kind, value->data, out) || !(out >= min && out <= max))
        invalid(key, "a number from " + number_text(min) + " to " + number_text(max));
    return out;
}

double gguf_file::real(const std::string & key, double min, double max, double fallback) const {
    return has(key) ? real(key, min, max) : fallback;
}

bool gguf_file::boolean(const std::string & key, bool fallback) const {
    const gguf_value * value = find(key);
    if (value == nullptr) return fallback;
    if (value->kind != gguf_kind::boolean) invalid(key, "true or false");
    return *value->data != 0;
}

std::string gguf_file::string(const std::string & key, const std::string & fallback) const {
    const gguf_value * value = find(key);
    if (value == nullptr) return fallback;
    if (value->kind != gguf_kind::string) invalid(key, "a string");
    return std::string(reinterpret_cast<const char *>(value->data), (size_t) value->count);
}

std::vector<double> gguf_file::numbers(const std::string & key, size_t count, double min, double max) const {
    const std::string expected =
        "an array of " + std::to_string(count) + " numbers from " + number_text(min) + " to " + number_text(max);
    const gguf_value * value = find(key);
    if (value == nullptr || value->kind != gguf_kind::array || value->count != count) invalid(key, expected);
    std::vector<double> out(count);
    for (size_t i = 0; i < count; i++) {
        const bool numeric = to_real(value->item, value->data + i * item_size(value->item), out[i]);
        if (!numeric || !(out[i] >= min && out[i] <= max)) {
            throw_error(error_code::CONFIG_INVALID, path_ + ": key " + key + ": expected " + expected + ", found " +
                                                        (numeric ? number_text(out[i]) : to_string(value->item)));
        }
    }
    return out;
}

std::vector<std::string> gguf_file::strings(const std::string & key) const {
    const gguf_value * value = find(key);
    if (value == nullptr) return {};
    if (value->kind != gguf_kind::array || value->item != gguf_kind::string) invalid(key, "an array of strings");
    if (value->count > max_strings) {
        throw_error(error_code::FILE_LIMIT, path_ + ": key " + key + ": expected at most " +
                                                std::to_string(max_strings) + " strings, found " +
                                                std::to_string(value->count));
    }
    std::vector<std::string> out;
    out.reserve((size_t) value->count);
    const uint8_t * p = value->data;
    for (uint64_t i = 0; i < value->count; i++) {  // lengths were checked while reading the file
        const uint64_t n = read_as<uint64_t>(p);
        out.emplace_back(reinterpret_cast<const char *>(p + 8), (size_t) n);
        p += 8 + n;
    }
    return out;
}

}  // namespace ggclip
