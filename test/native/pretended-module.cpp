// The pretended device as a backend module, with a ggml of its own inside; modules-test.cpp loads it. Its version comes
// from pretended-base.c, as that of a real module comes from the libggml-base beside it.
#include "pretended-device.h"

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
    return test::pretended::make_registry();
}

extern "C" const char * pretended_base(void);
extern "C" __attribute__((visibility("default"))) const char * needs_its_base() { return pretended_base(); }
