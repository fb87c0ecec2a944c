// The simulated device as a backend module with its own ggml inside, loaded by modules-test.cpp. pretended-base.c
// provides its version, like the libggml-base beside a real module. GGCLIP_PRETENDED makes it slow, fast or without
// memory (test/cli/auto-device.test.ts).
#include "pretended-device.h"

#include <string>

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
    const char * const given = std::getenv("GGCLIP_PRETENDED");
    const std::string kind = given ? given : "";
    test::pretended::delay_ms = kind == "slow" ? 100 : 0;
    test::pretended::computes = kind != "fast";
    test::pretended::has_memory = kind != "no-memory";
    return test::pretended::make_registry();
}

extern "C" const char * pretended_base(void);
extern "C" __attribute__((visibility("default"))) const char * needs_its_base() { return pretended_base(); }
