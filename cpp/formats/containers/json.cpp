#include "formats/containers/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <locale>
#include <sstream>

namespace ggclip {

namespace {

using kind_t = json_value::kind_t;

class json_parser {
  public:
    json_parser(std::string_view text, const std::string & where, const json_limits & limits)
        : text_(text), where_(where), limits_(limits) {}

    json_value run() {
        json_value root = value(1);
        skip_space();
        if (at_ != text_.size()) fail("expected the end of the document", found());
        return root;
    }

  private:
    [[noreturn]] void fail(const std::string & expected, const std::string & what) const {
        size_t line = 1, column = 1;
        for (size_t i = 0; i < at_ && i < text_.size(); i++) {
            column = text_[i] == '\n' ? 1 : column + 1;
            line += text_[i] == '\n';
        }
        throw_error(error_code::FILE_FORMAT, where_ + ": JSON line " + std::to_string(line) + " column " +
                                                 std::to_string(column) + ": " + expected + ", found " + what);
    }

    [[noreturn]] void over_limit(const char * what, size_t limit) const {
        throw_error(error_code::FILE_LIMIT, where_ + ": JSON byte " + std::to_string(at_) + ": more than " +
                                                std::to_string(limit) + " " + what);
    }

    std::string found() const {
        if (at_ >= text_.size()) return "the end of the text";
        const unsigned char c = (unsigned char) text_[at_];
        if (c < 0x20 || c >= 0x7f) return print_text("byte 0x%02x", c);
        return std::string("'") + text_[at_] + "'";
    }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
            at_++;
    }

    bool take(char c) {
        if (at_ < text_.size() && text_[at_] == c) {
            at_++;
            return true;
        }
        return false;
    }

    void word(const char * expected) {
        for (const char * p = expected; *p; p++)
            if (!take(*p)) fail(std::string("expected `") + expected + "`", found());
    }

    json_value value(int depth) {
        if (++n_values_ > limits_.max_values) over_limit("values", limits_.max_values);
        if (limits_.file != nullptr && n_values_ % 4096 == 0) limits_.file->check_cancelled();
        if (depth > limits_.max_depth) over_limit("levels of nesting", (size_t) limits_.max_depth);
        skip_space();
        json_value v;
        const char c = at_ < text_.size() ? text_[at_] : '\0';
        switch (c) {
            case '{': object(v, depth); break;
            case '[': array(v, depth); break;
            case '"':
                v.kind = kind_t::string;
                v.text = string();
                break;
            case 't':
                word("true");
                v.kind = kind_t::boolean;
                v.flag = true;
                break;
            case 'f':
                word("false");
                v.kind = kind_t::boolean;
                break;
            case 'n': word("null"); break;
            default: number(v); break;
        }
        return v;
    }

    void object(json_value & v, int depth) {
        v.kind = kind_t::object;
        take('{');
        skip_space();
        if (take('}')) return;
        do {
            skip_space();
            if (at_ >= text_.size() || text_[at_] != '"') fail("expected a member name in quotes", found());
            v.keys.push_back(string());
            skip_space();
            if (!take(':')) fail("expected ':'", found());
            v.items.push_back(value(depth + 1));
            skip_space();
        } while (take(','));
        if (!take('}')) fail("expected ',' or '}'", found());
        check_unique(v, depth);
    }

    void check_unique(const json_value & v, int depth) const {
        std::vector<const std::string *> sorted;
        sorted.reserve(v.keys.size());
        for (const std::string & key : v.keys) sorted.push_back(&key);
        const auto less = [](const std::string * a, const std::string * b) { return *a < *b; };
        std::sort(sorted.begin(), sorted.end(), less);
        for (size_t i = 1; i < sorted.size(); i++) {
            if (*sorted[i] == *sorted[i - 1]) {
                throw_error(depth == 1 ? limits_.duplicate_at_top : error_code::FILE_FORMAT,
                            where_ + ": JSON key \"" + sorted[i]->substr(0, 200) + "\": expected once, found twice");
            }
        }
    }

    void array(json_value & v, int depth) {
        v.kind = kind_t::array;
        take('[');
        skip_space();
        if (take(']')) return;
        do {
            v.items.push_back(value(depth + 1));
            skip_space();
        } while (take(','));
        if (!take(']')) fail("expected ',' or ']'", found());
    }

    bool digits() {
        const size_t start = at_;
        while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') at_++;
        return at_ > start;
    }

    void number(json_value & v) {
        const size_t start = at_;
        take('-');
        const bool zero = at_ < text_.size() && text_[at_] == '0';
        const size_t first = at_;
        if (!digits()) {
            at_ = start;
            fail("expected a value", found());
        }
        if (zero && at_ - first > 1) fail("expected a number without leading zeros", "one");
        bool whole = true;
        if (take('.')) {
            whole = false;
            if (!digits()) fail("expected a digit after '.'", found());
        }
        if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
            whole = false;
            at_++;
            if (!take('+')) take('-');
            if (!digits()) fail("expected a digit in the exponent", found());
        }
        const std::string token(text_.substr(start, at_ - start));
        if (whole && to_integer(token, v)) return;
        // a stream with the classic locale: strtod would obey the host process's decimal point
        std::istringstream stream(token);
        stream.imbue(std::locale::classic());
        v.kind = kind_t::real;
        stream >> v.real;
        if (stream.fail() || !std::isfinite(v.real))
            fail("expected a number within the range of double", token.substr(0, 40));
    }

    static bool to_integer(const std::string & token, json_value & v) {
        const bool negative = token[0] == '-';
        uint64_t magnitude = 0;
        for (size_t i = negative; i < token.size(); i++) {
            const uint64_t digit = (uint64_t) (token[i] - '0');
            if (magnitude > ((uint64_t) std::numeric_limits<int64_t>::max() - digit) / 10)
                return false;  // read as double
            magnitude = magnitude * 10 + digit;
        }
        v.kind = kind_t::integer;
        v.integer = negative ? -(int64_t) magnitude : (int64_t) magnitude;
        v.real = (double) v.integer;
        return true;
    }

    uint32_t hex4() {
        uint32_t code = 0;
        for (int i = 0; i < 4; i++) {
            const char c = at_ < text_.size() ? text_[at_] : '\0';
            uint32_t digit = 0;
            if (c >= '0' && c <= '9') digit = (uint32_t) (c - '0');
            else if ((c | 32) >= 'a' && (c | 32) <= 'f') digit = (uint32_t) ((c | 32) - 'a' + 10);
            else fail("expected four hexadecimal digits after \\u", found());
            code = code * 16 + digit;
            at_++;
        }
        return code;
    }

    static void append_utf8(std::string & out, uint32_t code) {
        if (code < 0x80) {
            out += (char) code;
        } else if (code < 0x800) {
            out += (char) (0xc0 | code >> 6);
            out += (char) (0x80 | (code & 63));
        } else if (code < 0x10000) {
            out += (char) (0xe0 | code >> 12);
            out += (char) (0x80 | (code >> 6 & 63));
            out += (char) (0x80 | (code & 63));
        } else {
            out += (char) (0xf0 | code >> 18);
            out += (char) (0x80 | (code >> 12 & 63));
            out += (char) (0x80 | (code >> 6 & 63));
            out += (char) (0x80 | (code & 63));
        }
    }

    void escape(std::string & out) {
        const char c = at_ < text_.size() ? text_[at_] : '\0';
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        for (int i = 0; from[i]; i++) {
            if (c == from[i]) {
                out += to[i];
                at_++;
                return;
            }
        }
        if (!take('u')) fail("expected an escape (one of \"\\/bfnrtu)", found());
        uint32_t code = hex4();
        if (code >= 0xd800 && code < 0xdc00) {
            if (!take('\\') || !take('u')) fail("expected the second half of a surrogate pair", found());
            const uint32_t low = hex4();
            if (low < 0xdc00 || low > 0xdfff) fail("expected the second half of a surrogate pair", "another code");
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xdc00 && code <= 0xdfff) {
            fail("expected a character", "the second half of a surrogate pair alone");
        }
        append_utf8(out, code);
    }

    // One multi-byte character, checked against overlong forms, surrogates and the upper bound (RFC 3629).
    void multi_byte(std::string & out) {
        const unsigned char lead = (unsigned char) text_[at_];
        const int n = lead >= 0xc2 && lead < 0xe0   ? 2
                      : lead >= 0xe0 && lead < 0xf0 ? 3
                      : lead >= 0xf0 && lead < 0xf5 ? 4
                                                    : 0;
        bool good = n > 0 && at_ + (size_t) n <= text_.size();
        for (int i = 1; good && i < n; i++) {
            const unsigned char c = (unsigned char) text_[at_ + (size_t) i];
            const unsigned char low = i > 1 ? 0x80 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
            const unsigned char high = i > 1 ? 0xbf : lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
            good = c >= low && c <= high;
        }
        if (!good) fail("expected UTF-8", found());
        out.append(text_.substr(at_, (size_t) n));
        at_ += (size_t) n;
    }

    std::string string() {
        std::string out;
        take('"');
        while (at_ < text_.size()) {
            const unsigned char c = (unsigned char) text_[at_];
            if (c == '"') {
                at_++;
                return out;
            }
            if (c == '\\') {
                at_++;
                escape(out);
            } else if (c < 0x20) {
                fail("expected an escaped control character", found());
            } else if (c < 0x80) {
                out += text_[at_++];
            } else {
                multi_byte(out);
            }
        }
        fail("expected '\"'", found());
    }

    std::string_view text_;
    const std::string & where_;
    const json_limits & limits_;
    size_t at_ = 0;
    size_t n_values_ = 0;
};

}  // namespace

json_value parse_json(std::string_view text, const std::string & where, const json_limits & limits) {
    if (text.size() > limits.max_bytes) {
        throw_error(error_code::FILE_LIMIT, where + ": expected at most " + std::to_string(limits.max_bytes) +
                                                " bytes of JSON, found " + std::to_string(text.size()));
    }
    return json_parser(text, where, limits).run();
}

}  // namespace ggclip
