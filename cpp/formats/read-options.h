// What the caller of a reader wants of a model.
#pragma once

#include <atomic>
#include <string>

namespace ggclip {

struct read_options {
    // A tower that is not wanted is not looked at: what is wrong with it does not keep the other from loading.
    bool want_vision = true, want_text = true;
    // Set from another thread, it ends every reader in ABORTED soon. Lives as long as what was read.
    const std::atomic<bool> * cancelled = nullptr;
    // Folders of tokenizer_config.json and of preprocessor_config.json where they are not beside the weights.
    std::string tokenizer_folder, processor_folder;
};

}  // namespace ggclip
