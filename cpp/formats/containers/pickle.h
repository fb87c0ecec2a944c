// A restricted reader of Python pickles (protocols 2 to 5). It builds plain values and runs nothing: each class or
// function that a pickle names must be one that the host knows, and the host, not Python, says what it gives.
// Source of the format: the comments of CPython's pickletools.
#pragma once

#include "formats/containers/model-file.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace ggclip {

using pickle_ref = uint32_t;  // index of a value: values may be shared and may form cycles

struct pickle_value {
    enum class kind_t : uint8_t { none, boolean, integer, real, string, list, tuple, dict, global, object, host };
    kind_t kind = kind_t::none;
    int64_t integer = 0;  // integer, boolean; host: an index of the host's
    double real = 0;
    std::string_view text;          // string, or "module.name" of a global or of an object's class; lives in the pickle
    std::vector<pickle_ref> items;  // list, tuple; dict: key, value, key, value, ...; object: its dict, or none

    const char * word() const;  // of the kind, for messages
};

class pickle;

// Resolves the names and persistent ids of a pickle.
class pickle_host {
  public:
    virtual ~pickle_host() = default;
    // whether values may name this class or function
    virtual bool knows(std::string_view global) const = 0;
    virtual bool makes_objects(std::string_view global) const = 0;
    virtual pickle_ref call(pickle & values, std::string_view global, pickle_ref arguments) = 0;
    virtual pickle_ref persistent(pickle & values, pickle_ref id) = 0;
};

class pickle {
  public:
    // `bytes` must outlive the values. Memory and time are bounded by their number: texts stay where they are, and what
    // must be copied is counted. Throws FILE_FORMAT, FILE_TRUNCATED, FILE_LIMIT, and MODEL_UNSUPPORTED for a name that
    // the host does not know; ABORTED through `file`, which is asked now and then (may be null).
    pickle(std::string_view bytes, const std::string & where, pickle_host & host, const model_file * file = nullptr);
    pickle(const pickle &) = delete;
    pickle & operator=(const pickle &) = delete;

    pickle_ref root() const { return root_; }
    const pickle_value & at(pickle_ref ref) const { return values_[ref]; }
    pickle_value & at(pickle_ref ref) { return values_[ref]; }
    pickle_ref add(pickle_value value);
    size_t size() const { return values_.size(); }

    [[noreturn]] void invalid(const std::string & text) const;  // FILE_FORMAT at the byte being read

  private:
    friend class pickle_machine;
    std::string_view join(std::string_view module, std::string_view name);

    std::deque<pickle_value> values_;
    std::deque<std::string> names_;     // joined
    size_t n_copied_ = 0, max_copied_;  // bytes of names_
    std::string where_;
    size_t byte_ = 0;
    pickle_ref root_ = 0;
};

}  // namespace ggclip
