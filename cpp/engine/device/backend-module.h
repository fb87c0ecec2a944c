// Backends of ggml that are no part of this binary: shared libraries, such as those of node-llama-cpp's packages.
#pragma once

#include <string>

namespace ggclip {

// Registers the devices of a module, which then stays loaded until the process ends. Returns why it cannot be used, and
// then it has no effect: it has another version of ggml than this build or another format, or its driver or device is
// missing. Empty: it is in use. Call it once for each path, and not while another thread uses ggml's registry.
std::string load_backend_module(const std::string & path);

}  // namespace ggclip
