// A safetensors file beside a sound configuration.
#include "model-target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz::scratch_folder scratch;
    scratch.write("model.safetensors", {reinterpret_cast<const char *>(data), size});
    scratch.write("config.json", fuzz::tiny_config);
    fuzz::load_and_encode(scratch.path());
    return 0;
}
