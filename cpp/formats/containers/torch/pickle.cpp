#include "formats/containers/torch/pickle.h"

#include "engine/error.h"

#include <cstring>
#include <unordered_map>

namespace ggclip {

using kind_t = pickle_value::kind_t;

static constexpr size_t max_values = 2u << 20;  // a value takes about 70 bytes of memory and at least one file byte
static constexpr size_t max_marks = 1u << 16;
static constexpr size_t max_name = 512;  // bytes in module and class name

const char * pickle_value::word() const {
    static const char * const words[] = {
        "none",    "a boolean", "an integer", "a number",  "a string",           "a list",
        "a tuple", "a dict",    "a class",    "an object", "a tensor or storage"};
    return words[(size_t) kind];
}

pickle_ref pickle::add(pickle_value value) {
    if (values_.size() >= max_values)
        throw_error(error_code::FILE_LIMIT, where_ + ": expected at most " + std::to_string(max_values) + " values");
    values_.push_back(std::move(value));
    return (pickle_ref) (values_.size() - 1);
}

// "module.name", stored with the values; counted, since a few bytes of a file can request the same long name
// repeatedly.
std::string_view pickle::join(std::string_view module, std::string_view name) {
    const size_t n = module.size() + 1 + name.size();
    if (n > max_name || n > max_copied_ - n_copied_) {
        throw_error(error_code::FILE_LIMIT, where_ + ": byte " + std::to_string(byte_) +
                                                ": expected names of classes of at most " + std::to_string(max_name) +
                                                " bytes, and of " + std::to_string(max_copied_) +
                                                " altogether, found more");
    }
    n_copied_ += n;
    names_.push_back(std::string(module) + "." + std::string(name));
    return names_.back();
}

void pickle::invalid(const std::string & text) const {
    throw_error(error_code::FILE_FORMAT, where_ + ": byte " + std::to_string(byte_) + ": " + text);
}

class pickle_machine {
  public:
    pickle_machine(pickle & values, std::string_view bytes, pickle_host & host, const model_file * file)
        : p_(values), bytes_(bytes), host_(host), file_(file) {}

    pickle_ref run() {
        for (size_t n_steps = 0;; n_steps++) {
            if (file_ != nullptr && n_steps % 4096 == 0) file_->check_cancelled();
            p_.byte_ = at_;
            const uint8_t op = (uint8_t) take(1)[0];
            if (op == '.') return pop();
            if (!scalar(op) && !container(op) && !memo(op) && !named(op))
                p_.invalid(print_text("operation 0x%02x is none that a checkpoint of tensors needs", op));
        }
    }

  private:
    std::string_view take(uint64_t n) {
        if (n > bytes_.size() - at_) {
            throw_error(error_code::FILE_TRUNCATED, p_.where_ + ": expected " + std::to_string(n) + " bytes at byte " +
                                                        std::to_string(at_) + ", found " +
                                                        std::to_string(bytes_.size() - at_));
        }
        at_ += (size_t) n;
        return bytes_.substr(at_ - (size_t) n, (size_t) n);
    }

    template <typename T>
    T number() {
        T value;
        memcpy(&value, take(sizeof(T)).data(), sizeof(T));
        return value;
    }

    std::string_view line() {
        const size_t end = bytes_.find('\n', at_);
        const auto text = take((end == std::string_view::npos ? bytes_.size() : end) - at_);
        take(1);
        return text;
    }

    void push(kind_t kind, int64_t integer = 0, double real = 0, std::string_view text = {}) {
        stack_.push_back(p_.add({kind, integer, real, text, {}}));
    }
    void text(uint64_t n) { push(kind_t::string, 0, 0, take(n)); }

    pickle_ref pop() {
        const size_t floor = marks_.empty() ? 0 : marks_.back();
        if (stack_.size() <= floor) p_.invalid("expected a value on the stack, found none");
        const pickle_ref ref = stack_.back();
        stack_.pop_back();
        return ref;
    }
    pickle_value & top() {
        const pickle_ref ref = pop();
        stack_.push_back(ref);
        return p_.at(ref);
    }

    void mark() {
        if (marks_.size() >= max_marks) limit("marks", max_marks);
        marks_.push_back(stack_.size());
    }

    [[noreturn]] void limit(const char * what, size_t most) const {
        throw_error(error_code::FILE_LIMIT, p_.where_ + ": expected at most " + std::to_string(most) + " " + what);
    }

    std::vector<pickle_ref> pop_to_mark() {
        if (marks_.empty()) p_.invalid("expected a mark on the stack, found none");
        std::vector<pickle_ref> items(stack_.begin() + (std::ptrdiff_t) marks_.back(), stack_.end());
        stack_.resize(marks_.back());
        marks_.pop_back();
        return items;
    }

    void long_integer(size_t n) {
        const auto digits = take(n);
        if (n > 8) p_.invalid("expected an integer of at most 64 bits, found one of " + std::to_string(n) + " bytes");
        uint64_t value = n > 0 && ((uint8_t) digits[n - 1] & 0x80) ? ~0ull : 0;  // sign
        for (size_t i = n; i-- > 0;) value = value << 8 | (uint8_t) digits[i];
        push(kind_t::integer, (int64_t) value);
    }

    void real() {
        uint64_t bits = 0;
        for (char c : take(8))  // big-endian on every machine
            bits = bits << 8 | (uint8_t) c;
        double value;
        memcpy(&value, &bits, sizeof(value));
        push(kind_t::real, 0, value);
    }

    bool scalar(uint8_t op) {
        switch (op) {
            case 0x80:  // PROTO
                if (number<uint8_t>() > 5) p_.invalid("expected a pickle of protocol 2 to 5");
                return true;
            case 0x95: take(8); return true;  // FRAME: only a read-ahead size
            case 'N': push(kind_t::none); return true;
            case 0x88: push(kind_t::boolean, 1); return true;
            case 0x89: push(kind_t::boolean, 0); return true;
            case 'K': push(kind_t::integer, number<uint8_t>()); return true;
            case 'M': push(kind_t::integer, number<uint16_t>()); return true;
            case 'J': push(kind_t::integer, number<int32_t>()); return true;
            case 0x8a: long_integer(number<uint8_t>()); return true;
            case 0x8b: long_integer(number<uint32_t>()); return true;
            case 'G': real(); return true;
            case 'X':
            case 'T':
            case 'B': text(number<uint32_t>()); return true;
            case 0x8c:
            case 'U':
            case 'C': text(number<uint8_t>()); return true;
            case 0x8d:
            case 0x8e: text(number<uint64_t>()); return true;
            default: return false;
        }
    }

    void tuple(size_t n) {
        std::vector<pickle_ref> items(n);
        for (size_t i = n; i-- > 0;) items[i] = pop();
        push(kind_t::tuple);
        top().items = std::move(items);
    }

    void collect(kind_t kind) {
        std::vector<pickle_ref> items = pop_to_mark();
        push(kind);
        top().items = std::move(items);
    }

    void append(const std::vector<pickle_ref> & items, kind_t kind) {
        pickle_value & to = top();
        if (to.kind != kind || (kind == kind_t::dict && items.size() % 2 != 0)) {
            p_.invalid(kind == kind_t::dict ? std::string("expected pairs for a dict, found ") + to.word()
                                            : std::string("expected a list to append to, found ") + to.word());
        }
        to.items.insert(to.items.end(), items.begin(), items.end());
    }

    bool container(uint8_t op) {
        switch (op) {
            case '(': mark(); return true;
            case '0': pop(); return true;
            case '1': pop_to_mark(); return true;
            case '2':
                stack_.push_back(pop());
                stack_.push_back(stack_.back());
                return true;
            case ']': push(kind_t::list); return true;
            case '}': push(kind_t::dict); return true;
            case ')': push(kind_t::tuple); return true;
            case 0x85: tuple(1); return true;
            case 0x86: tuple(2); return true;
            case 0x87: tuple(3); return true;
            case 't': collect(kind_t::tuple); return true;
            case 'l': collect(kind_t::list); return true;
            case 'd':
                collect(kind_t::dict);
                if (top().items.size() % 2 != 0) p_.invalid("expected pairs for a dict, found an odd number of values");
                return true;
            case 'a': append({pop()}, kind_t::list); return true;
            case 'e': append(pop_to_mark(), kind_t::list); return true;
            case 's': {
                const pickle_ref value = pop(), key = pop();
                append({key, value}, kind_t::dict);
                return true;
            }
            case 'u': append(pop_to_mark(), kind_t::dict); return true;
            default: return false;
        }
    }

    void remember(uint64_t index) {
        const pickle_ref ref = pop();
        stack_.push_back(ref);
        if (memo_.size() >= max_values) limit("remembered values", max_values);
        memo_[index] = ref;
    }
    void recall(uint64_t index) {
        const auto found = memo_.find(index);
        if (found == memo_.end())
            p_.invalid("expected something remembered as " + std::to_string(index) + ", found nothing");
        stack_.push_back(found->second);
    }

    bool memo(uint8_t op) {
        switch (op) {
            case 'q': remember(number<uint8_t>()); return true;
            case 'r': remember(number<uint32_t>()); return true;
            case 0x94: remember(memo_.size()); return true;
            case 'h': recall(number<uint8_t>()); return true;
            case 'j': recall(number<uint32_t>()); return true;
            default: return false;
        }
    }

    void global(std::string_view name) {
        if (!host_.knows(name)) {
            throw_error(error_code::MODEL_UNSUPPORTED,
                        p_.where_ + ": byte " + std::to_string(p_.byte_) + ": refused: the file names Python's \"" +
                            std::string(name.substr(0, 200)) +
                            "\"; only tensors and plain values are read, and no code of a file is ever run");
        }
        push(kind_t::global, 0, 0, name);
    }

    std::string_view class_name(pickle_ref ref) const {
        if (p_.at(ref).kind != kind_t::global)
            p_.invalid(std::string("expected a class or function, found ") + p_.at(ref).word());
        return p_.at(ref).text;
    }

    void new_object(std::string_view name) {
        if (!host_.makes_objects(name)) p_.invalid("refused: an object of class " + std::string(name.substr(0, 200)));
        push(kind_t::object, 0, 0, name);
    }

    // An object's state is its attributes; the state of other values (e.g. a dict's metadata) is ignored.
    void build() {
        const pickle_ref state = pop();
        pickle_value & to = top();
        if (to.kind == kind_t::object && p_.at(state).kind == kind_t::dict)
            to.items = {state};  // reference the dict itself: copying it for many objects would be a decompression bomb
        else if (to.kind != kind_t::dict) p_.invalid(std::string("refused: a state for ") + to.word());
    }

    bool named(uint8_t op) {
        switch (op) {
            case 'c': {
                const std::string_view module = line(), name = line();
                global(p_.join(module, name));
                return true;
            }
            case 0x93: {
                const pickle_ref name = pop(), module = pop();
                if (p_.at(name).kind != kind_t::string || p_.at(module).kind != kind_t::string)
                    p_.invalid("expected the names of a module and of a class");
                global(p_.join(p_.at(module).text, p_.at(name).text));
                return true;
            }
            case 'R': {
                const pickle_ref arguments = pop();
                const std::string_view name = class_name(pop());
                if (p_.at(arguments).kind != kind_t::tuple)
                    p_.invalid(std::string("expected a tuple of arguments, found ") + p_.at(arguments).word());
                stack_.push_back(host_.call(p_, name, arguments));
                return true;
            }
            case 0x81: {
                pop();  // arguments
                new_object(class_name(pop()));
                return true;
            }
            case 'b': build(); return true;
            case 'Q': stack_.push_back(host_.persistent(p_, pop())); return true;
            default: return false;
        }
    }

    pickle & p_;
    std::string_view bytes_;
    pickle_host & host_;
    const model_file * file_;
    size_t at_ = 0;
    std::vector<pickle_ref> stack_;
    std::vector<size_t> marks_;
    std::unordered_map<uint64_t, pickle_ref> memo_;
};

pickle::pickle(std::string_view bytes, const std::string & where, pickle_host & host, const model_file * file)
    : max_copied_(4 * bytes.size()), where_(where) {
    root_ = pickle_machine(*this, bytes, host, file).run();
}

}  // namespace ggclip
