// What the caller of a reader needs of a model.
#pragma once

#include <atomic>
#include <string>

namespace ggclip {

struct read_options {
    // An excluded tower is not examined: its errors do not prevent loading the other.
    bool want_vision = true, want_text = true;
    // Set from another thread, it soon ends every reader with ABORTED. Must outlive the data read.
    const std::atomic<bool> * cancelled = nullptr;
    // Folders of tokenizer_config.json and of preprocessor_config.json, if not beside the weights.
    std::string tokenizer_folder, processor_folder;
};

}  // namespace ggclip
