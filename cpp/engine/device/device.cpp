#include "engine/device/device.h"

#include "engine/error.h"

#include <algorithm>
#include <cctype>
#include <mutex>

namespace ggclip {

static std::string kind_of(ggml_backend_dev_t device) {
    if (is_cpu(device)) return "cpu";
    std::string kind = ggml_backend_reg_name(ggml_backend_dev_backend_reg(device));
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return (char) std::tolower(c); });
    return kind == "mtl" ? "metal" : kind;  // ggml registers Metal as "MTL" or "Metal", depending on its version
}

// Guards ggml's registry, which is not thread-safe, and the list of modules.
static std::mutex registry_mutex;
static std::vector<backend_module> tried_modules;

static std::vector<device_info> list_devices() {
    std::vector<device_info> devices;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        devices.push_back({ggml_backend_dev_name(device), kind_of(device), ggml_backend_dev_description(device)});
    }
    return devices;
}

// Null: there is none.
static ggml_backend_dev_t choose(const std::string & wanted) {
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (wanted == "cpu") return cpu;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        const auto type = ggml_backend_dev_type(device);
        const bool gpu = type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
        if (gpu && (wanted == "auto" || kind_of(device) == wanted)) return device;
    }
    return wanted == "auto" ? cpu : nullptr;
}

found_device find_device(const std::string & wanted, const std::vector<std::string> & modules) {
    const std::lock_guard<std::mutex> lock(registry_mutex);
    for (const std::string & path : modules) {
        const bool tried = std::any_of(tried_modules.begin(), tried_modules.end(),
                                       [&](const backend_module & module) { return module.path == path; });
        if (!tried) tried_modules.push_back({path, load_backend_module(path)});
    }
    const found_device found = {choose(wanted), list_devices(), tried_modules};
    if (found.device) return found;

    std::string kinds, problems;
    for (const device_info & device : found.all) kinds += (kinds.empty() ? "" : ", ") + device.kind;
    for (const backend_module & module : found.modules)
        if (!module.problem.empty()) problems += "; " + module.path + ": " + module.problem;
    throw_error(error_code::DEVICE_UNAVAILABLE, "device: expected one of this build and machine (%s), received '%s'%s",
                kinds.c_str(), wanted.c_str(), problems.c_str());
}

}  // namespace ggclip
