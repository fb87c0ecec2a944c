// A PyTorch checkpoint: the zip archive and the pickle inside it. OpenAI's layout says all in its tensors, so the lone
// file is a model; the same bytes are also the weights of a Hugging Face folder.
#include "model-target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz::scratch_folder scratch;
    scratch.write("pytorch_model.bin", {reinterpret_cast<const char *>(data), size});
    scratch.write("config.json", fuzz::tiny_config);
    fuzz::load_and_encode(scratch.file("pytorch_model.bin"));
    fuzz::load_and_encode(scratch.path());
    return 0;
}
