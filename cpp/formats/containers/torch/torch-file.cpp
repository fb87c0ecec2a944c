#include "formats/containers/torch/torch-file.h"

#include "engine/error.h"
#include "formats/containers/torch/torch-types.h"
#include "formats/containers/torch/zip-directory.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

namespace ggclip {

namespace {

using kind_t = pickle_value::kind_t;
using named_tensors = std::map<std::string, const torch_tensor *>;

constexpr size_t max_pickle = 32u << 20;  // bytes; the largest published checkpoints have less than one million
constexpr size_t max_tensors = 65536;
constexpr int max_depth = 64;    // nesting of modules in a TorchScript archive
constexpr size_t max_key = 256;  // bytes of a storage name
constexpr size_t max_share = 4;  // bytes read and copied, as a multiple of file size: tensors may share storages

[[noreturn]] void fail(error_code code, const std::string & path, const std::string & tensor,
                       const std::string & text) {
    throw_error(code, path + (tensor.empty() ? "" : ": tensor \"" + tensor.substr(0, 200) + "\"") + ": " + text);
}

bool begins(const std::string & text, size_t at, const char * start, size_t n) {
    return text.compare(at, n, start, n) == 0;
}

// torch.save before 1.6 starts with a pickle of its magic number
bool is_old_pickle(const std::string & head) { return begins(head, 0, "\x80\x02\x8a\x0a", 4); }

class archive {
  public:
    explicit archive(const model_file & file) : file_(file), path_(file.path()), entries_(read_zip_directory(file)) {
        const std::string tail = "/data.pkl";
        for (const auto & [name, entry] : entries_)
            if (name.size() >= tail.size() && name.compare(name.size() - tail.size(), tail.size(), tail) == 0 &&
                name.find('/') == name.size() - tail.size())
                folder_ = name.substr(0, name.size() - tail.size() + 1);
        if (folder_.empty())
            fail(error_code::FILE_FORMAT, path_, "", "expected a zip archive of PyTorch with */data.pkl, found none");
        check_byte_order();
    }

    std::string pickle() const {
        const zip_entry entry = stored("data.pkl");
        if (entry.size > max_pickle) {
            fail(error_code::FILE_LIMIT, path_, "",
                 "data.pkl: expected at most " + std::to_string(max_pickle) + " bytes, found " +
                     std::to_string(entry.size));
        }
        return bytes_of(entry, max_pickle);
    }

    zip_entry stored(const std::string & name) const {
        const auto found = entries_.find(folder_ + name);
        if (found == entries_.end())
            fail(error_code::FILE_FORMAT, path_, "", "expected " + folder_ + name + " in the archive, found nothing");
        if (!found->second.stored) {
            fail(error_code::FILE_FORMAT, path_, "",
                 folder_ + name.substr(0, 200) + ": expected an entry that is stored, found a compressed one");
        }
        return found->second;
    }

  private:
    std::string bytes_of(const zip_entry & entry, size_t most) const {
        std::string out((size_t) std::min<uint64_t>(entry.size, most), '\0');
        file_.read(entry.offset, out.size(), &out[0]);
        return out;
    }

    void check_byte_order() const {
        if (entries_.count(folder_ + "byteorder") == 0) return;
        const zip_entry entry = stored("byteorder");
        const std::string order = bytes_of(entry, 16);
        if (order != "little") {
            fail(error_code::FILE_FORMAT, path_, "",
                 "byte order: expected little, found " + order + ": save it again on a little-endian machine");
        }
    }

    const model_file & file_;
    const std::string & path_;
    std::map<std::string, zip_entry> entries_;
    std::string folder_;  // with trailing slash
};

// Finds the tensors among a pickle's values.
class state_finder {
  public:
    state_finder(const pickle & values, const torch_types & types, const std::string & path)
        : values_(values), types_(types), path_(path) {}

    named_tensors run() {
        pickle_ref root = values_.root();
        if (values_.at(root).kind == kind_t::object) {
            attributes(root, "", 0);
            return std::move(found_);
        }
        // training checkpoints store the weights next to optimizer state and counters
        for (const char * key : {"state_dict", "model_state_dict", "model", "module"}) {
            const pickle_ref inner = member(root, key);
            if (inner != root && values_.at(inner).kind == kind_t::dict) root = inner;
        }
        tensors_of(root);
        return std::move(found_);
    }

  private:
    pickle_ref member(pickle_ref dict, const char * key) const {
        const pickle_value & value = values_.at(dict);
        for (size_t i = 0; value.kind == kind_t::dict && i + 1 < value.items.size(); i += 2) {
            const pickle_value & name = values_.at(value.items[i]);
            if (name.kind == kind_t::string && name.text == key) return value.items[i + 1];
        }
        return dict;
    }

    void add(std::string_view prefix, std::string_view name, const torch_tensor * tensor) {
        if (found_.size() >= max_tensors)
            fail(error_code::FILE_LIMIT, path_, "", "expected at most " + std::to_string(max_tensors) + " tensors");
        check_tensor_name(name, path_);
        const auto added = found_.emplace(std::string(prefix) + std::string(name), tensor);
        check_tensor_name(added.first->first, path_);
        if (!added.second) fail(error_code::TENSOR_DUPLICATE, path_, added.first->first, "expected once, found twice");
    }

    void tensors_of(pickle_ref dict) {
        const pickle_value & value = values_.at(dict);
        if (value.kind != kind_t::dict) {
            fail(error_code::FILE_FORMAT, path_, "",
                 std::string("expected a dict of tensors (a state dict), found ") + value.word());
        }
        for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
            const pickle_value & name = values_.at(value.items[i]);
            const torch_tensor * tensor = types_.tensor(values_.at(value.items[i + 1]));
            if (tensor != nullptr && name.kind == kind_t::string) add("", name.text, tensor);
        }
    }

    // Modules of a TorchScript archive: attributes that are tensors or nested modules.
    void attributes(pickle_ref object, const std::string & prefix, int depth) {
        const pickle_value & value = values_.at(object);
        if (depth > max_depth)
            fail(error_code::FILE_LIMIT, path_, "", "expected modules at most " + std::to_string(max_depth) + " deep");
        if (value.items.empty()) return;
        const std::vector<pickle_ref> & items = values_.at(value.items[0]).items;
        for (size_t i = 0; i + 1 < items.size(); i += 2) {
            const pickle_value & name = values_.at(items[i]);
            const pickle_value & part = values_.at(items[i + 1]);
            // modules may be shared: a few that each contain another twice would take exponential time
            if (++n_steps_ > max_share * values_.size())
                fail(error_code::FILE_LIMIT, path_, "", "expected modules that are not shared again and again");
            if (name.kind != kind_t::string) continue;
            if (part.kind == kind_t::object) {
                check_tensor_name(name.text, path_);
                const std::string below = prefix + std::string(name.text) + ".";
                check_tensor_name(below, path_);
                attributes(items[i + 1], below, depth + 1);
            } else if (types_.tensor(part) != nullptr) {
                add(prefix, name.text, types_.tensor(part));
            }
        }
    }

    const pickle & values_;
    const torch_types & types_;
    const std::string & path_;
    named_tensors found_;
    size_t n_steps_ = 0;
};

class tensor_placer {
  public:
    tensor_placer(const archive & files, std::shared_ptr<const model_file> file, tensor_table & table)
        : files_(files), file_(std::move(file)), path_(file_->path()), table_(table), left_(max_share * file_->size()) {
    }

    void place(const std::string & name, const torch_tensor & tensor) {
        raw_tensor raw;
        raw.path = path_;
        raw.dtype = tensor.dtype->word;
        raw.type = tensor.dtype->type;
        raw.ne.assign(tensor.shape.rbegin(), tensor.shape.rend());
        const size_t element = tensor.dtype->size;
        const uint64_t last = last_element(name, tensor);
        if (tensor.key.size() > max_key) {
            fail(error_code::FILE_LIMIT, path_, name,
                 "expected a storage's name of at most " + std::to_string(max_key) + " bytes, found " +
                     std::to_string(tensor.key.size()));
        }
        const zip_entry storage = files_.stored("data/" + std::string(tensor.key));
        if (tensor.n_storage > 0 && (uint64_t) tensor.n_storage > storage.size / element) {
            fail(error_code::FILE_TRUNCATED, path_, name,
                 "expected a storage of " + std::to_string(tensor.n_storage) + " elements, found " +
                     std::to_string(storage.size) + " bytes");
        }
        if (n_elements_ > 0 && last >= (uint64_t) tensor.n_storage) {
            fail(error_code::FILE_FORMAT, path_, name,
                 "expected elements within its storage of " + std::to_string(tensor.n_storage) +
                     ", found one at place " + std::to_string(last));
        }
        raw.n_bytes = (size_t) n_elements_ * element;
        spend(name, raw.n_bytes);
        if (n_elements_ > 0 && is_contiguous(tensor)) {
            raw.bytes = file_;
            raw.offset = storage.offset + (size_t) tensor.offset * element;
        } else if (n_elements_ > 0) {
            raw.bytes = gather(name, tensor, storage, last, raw.n_bytes);
        }
        const auto added = table_.tensors.emplace(name, std::move(raw));
        if (!added.second) {
            fail(error_code::TENSOR_DUPLICATE, path_, name,
                 "expected once, found in " + added.first->second.path + " too");
        }
    }

  private:
    // Index of the tensor's last element in its storage; also counts the elements.
    uint64_t last_element(const std::string & name, const torch_tensor & tensor) {
        constexpr uint64_t max = (uint64_t) std::numeric_limits<int64_t>::max() / 16;
        uint64_t last = (uint64_t) tensor.offset, n = 1;
        bool overflows = last > max, empty = false;
        for (size_t i = 0; i < tensor.shape.size(); i++) {
            const uint64_t size = (uint64_t) tensor.shape[i], stride = (uint64_t) tensor.stride[i];
            empty = empty || size == 0;
            overflows = overflows || (size > 0 && n > max / size) || (size > 1 && stride > max / (size - 1));
            if (overflows || empty) continue;
            n *= size;
            last += (size - 1) * stride;
            overflows = last > max;
        }
        if (overflows) fail(error_code::FILE_LIMIT, path_, name, "shape and strides overflow 63 bits");
        n_elements_ = empty ? 0 : n;
        return last;
    }

    static bool is_contiguous(const torch_tensor & tensor) {
        int64_t expected = 1;
        for (size_t i = tensor.shape.size(); i-- > 0;) {
            if (tensor.shape[i] != 1 && tensor.stride[i] != expected) return false;
            expected *= tensor.shape[i];
        }
        return true;
    }

    // Tensors may share storages, and a stride of 0 expands a few bytes to gigabytes: limit the total to a multiple of
    // the file size.
    void spend(const std::string & name, uint64_t n_bytes) {
        if (n_bytes > left_) {
            fail(error_code::FILE_LIMIT, path_, name,
                 "expected all tensors together, those that are not contiguous copied, to be at most " +
                     std::to_string(max_share) + " times as large as their file, found more");
        }
        left_ -= n_bytes;
    }

    // Transposed and sliced tensors are copied to contiguous memory.
    std::shared_ptr<const byte_source> gather(const std::string & name, const torch_tensor & tensor,
                                              const zip_entry & storage, uint64_t last, size_t n_bytes) {
        const size_t element = tensor.dtype->size, n_dims = tensor.shape.size();
        const uint64_t first = (uint64_t) tensor.offset, n_span = (last - first + 1) * element;
        spend(name, n_span);
        std::vector<uint8_t> span((size_t) n_span);
        file_->read(storage.offset + first * element, span.size(), span.data());
        const auto copy = std::make_shared<bytes_in_memory>(n_bytes);
        std::vector<int64_t> index(n_dims, 0);
        for (size_t at = 0; at < n_bytes; at += element) {
            int64_t from = 0;
            for (size_t i = 0; i < n_dims; i++) from += index[i] * tensor.stride[i];
            memcpy(copy->bytes.data() + at, span.data() + (size_t) from * element, element);
            for (size_t i = n_dims; i-- > 0 && ++index[i] == tensor.shape[i];) index[i] = 0;
        }
        file_->check_cancelled();
        return copy;
    }

    const archive & files_;
    const std::shared_ptr<const model_file> file_;
    const std::string & path_;
    tensor_table & table_;
    uint64_t left_;  // bytes left for tensors
    uint64_t n_elements_ = 0;
};

}  // namespace

bool is_torch_file(const std::string & head) {
    return is_zip(head) || is_old_pickle(head) || (head.size() >= torch_head && begins(head, 257, "ustar", 5));
}

void read_torch(std::shared_ptr<const model_file> file, tensor_table & table) {
    const std::string & path = file->path();
    const std::string head = file->head(torch_head);
    if (!is_zip(head)) {
        const bool old = is_torch_file(head);
        fail(old ? error_code::MODEL_UNSUPPORTED : error_code::FILE_FORMAT, path, "",
             std::string("expected a PyTorch checkpoint in a zip archive, found ") +
                 (old ? "one of the layout before PyTorch 1.6: load it there and torch.save() it again"
                      : "other bytes"));
    }
    const archive files(*file);
    const std::string bytes = files.pickle();
    torch_types types;
    const pickle values(bytes, path + ": data.pkl", types, file.get());
    const named_tensors tensors = state_finder(values, types, path).run();
    table.format = "torch";
    table.is_script = values.at(values.root()).kind == kind_t::object;
    table.files.push_back(file);
    tensor_placer placer(files, file, table);
    for (const auto & [name, tensor] : tensors) placer.place(name, *tensor);
}

}  // namespace ggclip
