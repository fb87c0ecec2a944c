// The simulated device as a backend module with its own ggml inside, loaded by modules-test.cpp. pretended-base.c
// provides its version, like the libggml-base beside a real module.
#include "pretended-device.h"

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
    return test::pretended::make_registry();
}

extern "C" const char * pretended_base(void);
extern "C" __attribute__((visibility("default"))) const char * needs_its_base() { return pretended_base(); }
