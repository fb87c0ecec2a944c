// Where a model computes: a thin choice over ggml's backend registry.
#pragma once

#include <ggml-backend.h>

#include <string>
#include <vector>

namespace ggclip {

struct device_info {
    std::string name;         // "CPU", "CUDA0", ...
    std::string kind;         // "cpu", "cuda", "metal", "vulkan", or the backend's own name in lower case
    std::string description;  // of the hardware
};

// Every device of this build on this machine.
std::vector<device_info> list_devices();

// `wanted`: auto | cpu | cuda | metal | vulkan. auto takes the first GPU and else the CPU.
// Throws DEVICE_UNAVAILABLE with the devices found.
ggml_backend_dev_t find_device(const std::string & wanted);

inline bool is_cpu(ggml_backend_dev_t device) { return ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU; }

}  // namespace ggclip
