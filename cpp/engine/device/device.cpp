#include "engine/device/device.h"

#include "engine/error.h"
#include "engine/device/backend-module.h"

#include <algorithm>
#include <cctype>

namespace ggclip {

static std::string kind_of(ggml_backend_dev_t device) {
    if (is_cpu(device)) return "cpu";
    std::string kind = ggml_backend_reg_name(ggml_backend_dev_backend_reg(device));
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return (char) std::tolower(c); });
    return kind == "mtl" ? "metal" : kind;  // ggml registers Metal as "MTL" or "Metal", depending on its version
}

std::vector<device_info> list_devices() {
    std::vector<device_info> devices;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        devices.push_back({ggml_backend_dev_name(device), kind_of(device), ggml_backend_dev_description(device)});
    }
    return devices;
}

ggml_backend_dev_t find_device(const std::string & wanted) {
    ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    if (wanted == "cpu") return cpu;
    for (size_t i = 0; i < ggml_backend_dev_count(); i++) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        const auto type = ggml_backend_dev_type(device);
        const bool gpu = type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
        if (gpu && (wanted == "auto" || kind_of(device) == wanted)) return device;
    }
    if (wanted == "auto") return cpu;

    std::string found;
    for (const device_info & device : list_devices()) found += (found.empty() ? "" : ", ") + device.kind;
    std::string problems;
    for (const backend_module & module : list_backend_modules())
        if (!module.problem.empty()) problems += "; " + module.path + ": " + module.problem;
    throw_error(error_code::DEVICE_UNAVAILABLE, "device: expected one of this build and machine (%s), received '%s'%s",
                found.c_str(), wanted.c_str(), problems.c_str());
}

}  // namespace ggclip
