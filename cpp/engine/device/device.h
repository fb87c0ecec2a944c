// Where a model computes: a thin choice over ggml's backend registry, and the backends that join it later.
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

// A backend that is no part of this binary: a shared library, such as those of node-llama-cpp's packages.
struct backend_module {
    std::string path;
    std::string problem;  // why it is not in use; empty: it is
};

struct found_device {
    ggml_backend_dev_t device;
    std::vector<device_info> all;         // every device of this build and of the modules on this machine
    std::vector<backend_module> modules;  // every module that this process has tried, in that order
};

// `wanted`: auto | cpu | cuda | metal | vulkan. auto takes the first GPU and else the CPU. `modules`: paths of
// backends; those that were not tried before are loaded first. Throws DEVICE_UNAVAILABLE with the devices found and the
// modules' problems. Thread-safe, and slow if it starts a driver.
found_device find_device(const std::string & wanted, const std::vector<std::string> & modules = {});

inline bool is_cpu(ggml_backend_dev_t device) { return ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU; }

// backend-module.cpp. Registers the devices of a module, which then stays loaded until the process ends. Returns why it
// cannot be used, and then it has no effect: it has another version of ggml than this build or another format, or its
// driver or device is missing. Empty: it is in use. Call it once for each path, and not while another thread uses
// ggml's registry.
std::string load_backend_module(const std::string & path);

}  // namespace ggclip
