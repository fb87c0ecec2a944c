// A GGUF file: structure, keys, tensors and their data.
#include "model-target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz::scratch_folder scratch;
    scratch.write("model.gguf", {reinterpret_cast<const char *>(data), size});
    fuzz::load_and_encode(scratch.file("model.gguf"));
    return 0;
}
