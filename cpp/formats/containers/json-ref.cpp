// json_value and json_ref: typed access with messages.
#include "formats/containers/json.h"

#include <cmath>
#include <cstdio>

namespace ggclip {

using kind_t = json_value::kind_t;

const json_value * json_value::find(std::string_view key) const {
    for (size_t i = 0; i < keys.size(); i++)
        if (keys[i] == key) return &items[i];
    return nullptr;
}

std::string json_value::describe() const {
    switch (kind) {
        case kind_t::null: return "null";
        case kind_t::boolean: return flag ? "true" : "false";
        case kind_t::integer: return std::to_string(integer);
        case kind_t::real: return number_text(real);
        case kind_t::string: return "\"" + text.substr(0, 100) + "\" (string)";
        case kind_t::array: return "an array of " + std::to_string(items.size());
        case kind_t::object: return "an object";
    }
    return "nothing";
}

void json_ref::invalid(const std::string & expected) const {
    throw_error(error_code::CONFIG_INVALID, file_ + ": " + (path_.empty() ? "document" : path_) + ": expected " +
                                                expected + ", found " + (value_ ? value_->describe() : "nothing"));
}

void json_ref::unsupported(const std::string & supported) const {
    throw_error(error_code::MODEL_UNSUPPORTED, file_ + ": " + (path_.empty() ? "document" : path_) +
                                                   ": this version computes " + supported + ", found " +
                                                   (value_ ? value_->describe() : "nothing"));
}

json_ref json_ref::get(const char * key) const {
    if (!exists()) return json_ref(nullptr, file_, full(key));
    if (value_->kind != kind_t::object) invalid("an object");
    return json_ref(value_->find(key), file_, full(key));
}

json_ref json_ref::member(size_t index) const {
    return json_ref(&value_->items[index], file_, full(value_->keys[index].c_str()));
}

json_ref json_ref::at(size_t index) const {
    const bool has = value_ != nullptr && value_->kind == kind_t::array && index < value_->items.size();
    return json_ref(has ? &value_->items[index] : nullptr, file_, path_ + "[" + std::to_string(index) + "]");
}

json_ref json_ref::object(const char * key) const {
    const json_ref member = get(key);
    if (member.exists() && !member.is(kind_t::object)) member.invalid("an object");
    return member;
}

int64_t json_ref::as_integer(int64_t min, int64_t max) const {
    if (!is(kind_t::integer) || value_->integer < min || value_->integer > max)
        invalid("an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return value_->integer;
}

double json_ref::as_real(double min, double max) const {
    const bool numeric = is(kind_t::integer) || is(kind_t::real);
    if (!numeric || !(value_->real >= min && value_->real <= max))
        invalid("a number from " + number_text(min) + " to " + number_text(max));
    return value_->real;
}

int64_t json_ref::integer(const char * key, int64_t fallback, int64_t min, int64_t max) const {
    const json_ref member = get(key);
    return member.exists() ? member.as_integer(min, max) : fallback;
}

double json_ref::real(const char * key, double fallback, double min, double max) const {
    const json_ref member = get(key);
    return member.exists() ? member.as_real(min, max) : fallback;
}

bool json_ref::boolean(const char * key, bool fallback) const {
    const json_ref member = get(key);
    if (!member.exists()) return fallback;
    if (!member.is(kind_t::boolean)) member.invalid("true or false");
    return member.value_->flag;
}

std::string json_ref::string(const char * key, const std::string & fallback) const {
    const json_ref member = get(key);
    if (!member.exists()) return fallback;
    if (!member.is(kind_t::string)) member.invalid("a string");
    return member.value_->text;
}

}  // namespace ggclip
