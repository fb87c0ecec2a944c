#include "formats/containers/torch/torch-types.h"

#include "engine/error.h"

#include <cstring>

namespace ggclip {

namespace {

using kind_t = pickle_value::kind_t;

constexpr size_t max_dims = 8;
constexpr size_t max_tensors = 1u << 18;  // per pickle, including an optimizer's state

const torch_dtype dtypes[] = {
    {"FloatStorage", "float32", 4, GGML_TYPE_F32},      {"HalfStorage", "float16", 2, GGML_TYPE_F16},
    {"BFloat16Storage", "bfloat16", 2, GGML_TYPE_BF16}, {"DoubleStorage", "float64", 8, GGML_TYPE_COUNT},
    {"LongStorage", "int64", 8, GGML_TYPE_COUNT},       {"IntStorage", "int32", 4, GGML_TYPE_COUNT},
    {"ShortStorage", "int16", 2, GGML_TYPE_COUNT},      {"CharStorage", "int8", 1, GGML_TYPE_COUNT},
    {"ByteStorage", "uint8", 1, GGML_TYPE_COUNT},       {"BoolStorage", "bool", 1, GGML_TYPE_COUNT},
};

enum class meaning { none, tensor, first_argument, ordered_dict };

struct known_global {
    const char * name;
    meaning result;
};

const known_global globals[] = {
    {"torch._utils._rebuild_tensor_v2", meaning::tensor},
    {"torch._utils._rebuild_tensor", meaning::tensor},
    {"torch._utils._rebuild_parameter", meaning::first_argument},
    {"torch.Size", meaning::first_argument},
    {"collections.OrderedDict", meaning::ordered_dict},
    // typed lists and values of a TorchScript archive
    {"torch.jit._pickle.build_intlist", meaning::first_argument},
    {"torch.jit._pickle.build_doublelist", meaning::first_argument},
    {"torch.jit._pickle.build_boollist", meaning::first_argument},
    {"torch.jit._pickle.build_tensorlist", meaning::first_argument},
    {"torch.jit._pickle.restore_type_tag", meaning::first_argument},
};

meaning meaning_of(std::string_view global) {
    for (const known_global & known : globals)
        if (global == known.name) return known.result;
    return meaning::none;
}

// "torch.FloatStorage", or "torch.cuda.FloatStorage" in old files
const torch_dtype * storage_type(std::string_view global) {
    const std::string_view prefix = global.substr(0, 11) == "torch.cuda." ? "torch.cuda." : "torch.";
    for (const torch_dtype & dtype : dtypes)
        if (global.substr(0, prefix.size()) == prefix && global.substr(prefix.size()) == dtype.storage) return &dtype;
    return nullptr;
}

int64_t whole_number(const pickle & values, pickle_ref ref, const char * what) {
    const pickle_value & value = values.at(ref);
    if (value.kind != kind_t::integer || value.integer < 0) {
        values.invalid(std::string(what) + ": expected a non-negative integer, found " +
                       (value.kind == kind_t::integer ? std::to_string(value.integer) : value.word()));
    }
    return value.integer;
}

std::vector<int64_t> whole_numbers(const pickle & values, pickle_ref ref, const char * what) {
    const pickle_value & value = values.at(ref);
    if ((value.kind != kind_t::tuple && value.kind != kind_t::list) || value.items.size() > max_dims) {
        values.invalid(std::string(what) + ": expected a tuple of at most " + std::to_string(max_dims) +
                       " integers, found " + value.word() + " of " + std::to_string(value.items.size()));
    }
    std::vector<int64_t> out;
    for (pickle_ref item : value.items) out.push_back(whole_number(values, item, what));
    return out;
}

// index of one of the host's tensors, or ~index of one of its storages
pickle_value host_value(int64_t index) { return {kind_t::host, index, 0, "", {}}; }

}  // namespace

// A module's class in a TorchScript archive is defined by the archive's own code, which is never read.
bool torch_types::makes_objects(std::string_view global) const { return begins_with(global, "__torch__."); }

bool torch_types::knows(std::string_view global) const {
    return meaning_of(global) != meaning::none || storage_type(global) != nullptr || makes_objects(global);
}

pickle_ref torch_types::call(pickle & values, std::string_view global, pickle_ref arguments) {
    const std::vector<pickle_ref> & items = values.at(arguments).items;  // references stay valid when values are added
    switch (meaning_of(global)) {
        case meaning::tensor: return rebuild_tensor(values, arguments);
        case meaning::first_argument:
            if (items.empty()) values.invalid(std::string(global) + ": expected an argument, found none");
            return items[0];
        case meaning::ordered_dict:
            if (!items.empty())
                values.invalid(std::string(global) + ": expected no argument, found " + std::to_string(items.size()));
            return values.add({kind_t::dict, 0, 0, "", {}});
        case meaning::none: break;
    }
    values.invalid("refused: a call of " + std::string(global.substr(0, 200)));
}

// ("storage", class, key, location, number of elements)
pickle_ref torch_types::persistent(pickle & values, pickle_ref id) {
    const pickle_value & value = values.at(id);
    const auto part = [&](size_t i) -> const pickle_value & { return values.at(value.items[i]); };
    const bool fits = value.kind == kind_t::tuple && value.items.size() >= 5 && part(0).kind == kind_t::string &&
                      part(0).text == "storage" && part(1).kind == kind_t::global && part(2).kind == kind_t::string;
    if (!fits) values.invalid("expected a storage: (\"storage\", class, key, location, elements)");
    const torch_dtype * dtype = storage_type(part(1).text);
    if (dtype == nullptr)
        values.invalid("expected a class of storage, found " + std::string(part(1).text.substr(0, 200)));
    storages_.push_back({dtype, part(2).text, whole_number(values, value.items[4], "a storage's number of elements")});
    return values.add(host_value(~(int64_t) (storages_.size() - 1)));
}

// (storage, offset, shape, stride, ...); gradients and hooks are ignored
pickle_ref torch_types::rebuild_tensor(pickle & values, pickle_ref tuple) {
    const std::vector<pickle_ref> & arguments = values.at(tuple).items;
    if (arguments.size() < 4 || values.at(arguments[0]).kind != kind_t::host || values.at(arguments[0]).integer >= 0)
        values.invalid("a tensor: expected a storage, an offset, a shape and strides");
    const storage & from = storages_[(size_t) ~values.at(arguments[0]).integer];
    torch_tensor tensor;
    tensor.dtype = from.dtype;
    tensor.key = from.key;
    tensor.n_storage = from.n;
    tensor.offset = whole_number(values, arguments[1], "a tensor's offset");
    tensor.shape = whole_numbers(values, arguments[2], "a tensor's shape");
    tensor.stride = whole_numbers(values, arguments[3], "a tensor's strides");
    if (tensor.shape.size() != tensor.stride.size()) {
        values.invalid("a tensor: expected a stride for each of " + std::to_string(tensor.shape.size()) +
                       " dimensions, found " + std::to_string(tensor.stride.size()));
    }
    if (tensors_.size() >= max_tensors)
        throw_error(error_code::FILE_LIMIT, "a pickle: expected at most " + std::to_string(max_tensors) + " tensors");
    tensors_.push_back(std::move(tensor));
    return values.add(host_value((int64_t) (tensors_.size() - 1)));
}

const torch_tensor * torch_types::tensor(const pickle_value & value) const {
    return value.kind == kind_t::host && value.integer >= 0 ? &tensors_[(size_t) value.integer] : nullptr;
}

}  // namespace ggclip
