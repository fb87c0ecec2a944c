// Text for messages and names: printf into a string, numbers, shapes, prefix and suffix tests.
#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace ggclip {

inline std::string vprint_text(const char * format, va_list args) {
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(nullptr, 0, format, args);
    std::string text(n > 0 ? (size_t) n : 0, '\0');
    vsnprintf(text.data(), text.size() + 1, format, again);
    va_end(again);
    return text;
}

// Formats like printf.
#if defined(__GNUC__)
[[gnu::format(printf, 1, 2)]]
#endif
inline std::string
print_text(const char * format, ...) {
    va_list args;
    va_start(args, format);
    std::string text = vprint_text(format, args);
    va_end(args);
    return text;
}

// Enough digits to distinguish any two floats.
inline std::string number_text(double value) { return print_text("%.9g", value); }

// "[64, 128]"
inline std::string shape_text(const std::vector<int64_t> & ne) {
    std::string text = "[";
    for (size_t i = 0; i < ne.size(); i++) text += (i ? ", " : "") + std::to_string(ne[i]);
    return text + "]";
}

inline bool begins_with(std::string_view text, std::string_view start) { return text.substr(0, start.size()) == start; }

inline bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace ggclip
