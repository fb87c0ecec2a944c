// A restricted reader of Python pickles (protocols 2 to 5). It builds plain values and executes nothing: the host must
// know each class or function a pickle names, and the host, not Python, provides the result. Format reference: the
// comments of CPython's pickletools.
#pragma once

#include "formats/containers/model-file.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace ggclip {

using pickle_ref = uint32_t;  // value index: values may be shared and form cycles

struct pickle_value {
    enum class kind_t : uint8_t { none, boolean, integer, real, string, list, tuple, dict, global, object, host };
    kind_t kind = kind_t::none;
    int64_t integer = 0;  // integer, boolean; host: the host's own index
    double real = 0;
    std::string_view text;          // string, or "module.name" of a global or of an object's class; lives in the pickle
    std::vector<pickle_ref> items;  // list, tuple; dict: key, value, key, value, ...; object: its dict, or none

    const char * word() const;  // name of the kind, for messages
};

class pickle;

// Resolves a pickle's names and persistent ids.
class pickle_host {
  public:
    virtual ~pickle_host() = default;
    // whether values may refer to this class or function
    virtual bool knows(std::string_view global) const = 0;
    virtual bool makes_objects(std::string_view global) const = 0;
    virtual pickle_ref call(pickle & values, std::string_view global, pickle_ref arguments) = 0;
    virtual pickle_ref persistent(pickle & values, pickle_ref id) = 0;
};

class pickle {
  public:
    // `bytes` must outlive the values. The number of bytes bounds memory and time: texts are not copied, and necessary
    // copies are counted. Throws FILE_FORMAT, FILE_TRUNCATED, FILE_LIMIT, MODEL_UNSUPPORTED for a name unknown to the
    // host, and ABORTED through `file`, which is polled periodically (may be null).
    pickle(std::string_view bytes, const std::string & where, pickle_host & host, const model_file * file = nullptr);
    pickle(const pickle &) = delete;
    pickle & operator=(const pickle &) = delete;

    pickle_ref root() const { return root_; }
    const pickle_value & at(pickle_ref ref) const { return values_[ref]; }
    pickle_value & at(pickle_ref ref) { return values_[ref]; }
    pickle_ref add(pickle_value value);
    size_t size() const { return values_.size(); }

    [[noreturn]] void invalid(const std::string & text) const;  // FILE_FORMAT at the current byte

  private:
    friend class pickle_machine;
    std::string_view join(std::string_view module, std::string_view name);

    std::deque<pickle_value> values_;
    std::deque<std::string> names_;     // results of join()
    size_t n_copied_ = 0, max_copied_;  // bytes of names_
    std::string where_;
    size_t byte_ = 0;
    pickle_ref root_ = 0;
};

}  // namespace ggclip
