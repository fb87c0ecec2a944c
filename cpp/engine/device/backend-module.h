// Backends of ggml that are no part of this binary: shared libraries, such as those of node-llama-cpp's packages, that
// are loaded when a model asks for more than the CPU. A module stays loaded until the process ends.
#pragma once

#include <string>
#include <vector>

namespace ggclip {

struct backend_module {
    std::string path;
    std::string problem;  // why it is not in use; empty: it is
};

// Loads the modules that were not tried before, in this order. A module that cannot be used has no effect: of another
// version of ggml than this build's, of another format, or without its driver. Thread-safe.
void load_backend_modules(const std::vector<std::string> & paths);

// Every module that was tried, in the order of trying.
std::vector<backend_module> list_backend_modules();

}  // namespace ggclip
