// Backend modules: a compatible one computes; all others are rejected with a reason and have no effect.
#include "check.h"
#include "engine/error.h"
#include "engine/device/device.h"
#include "engine/run/session.h"
#include "tiny-model.h"

#include <cstdio>
#include <fstream>
#include <thread>

using namespace ggclip;
using test::dice;

namespace {

const std::string folder = GGCLIP_MODULES;

std::string problem_of(const std::string & path) {
    const found_device found = find_device("cpu", {path});
    for (const backend_module & module : found.modules)
        if (module.path == path) return module.problem;
    return "not listed";
}

void check_refused(const std::string & name, const std::string & reason) {
    const size_t n_before = find_device("cpu").all.size();
    const std::string problem = problem_of(folder + name);
    CHECK(!problem.empty() && problem.find(reason) != std::string::npos, "%s: expected '%s', received '%s'",
          name.c_str(), reason.c_str(), problem.c_str());
    CHECK(find_device("cpu").all.size() == n_before, "%s added a device", name.c_str());
}

std::vector<float> encode(const char * device, uint32_t seed) {
    dice dice(seed);
    const hparams hp = test::random_hparams(dice);
    const auto source = test::make_model(hp, dice, GGML_TYPE_F32);
    load_options options;
    options.device = device;
    options.kernels = "portable";
    session engine(std::make_shared<const weights>(*source, options), 1, 8);
    const test::picture picture = test::random_picture(dice, hp.vision);
    const image_input image = picture.tensor();
    std::vector<float> out((size_t) hp.n_proj);
    engine.encode_images(&image, 1, hp.image, out.data());
    return out;
}

void check_error_names(const std::string & problem) {
    try {
        find_device("vulkan");
        CHECK(false, "vulkan was found");
    } catch (const error & e) {
        CHECK(std::string(e.what()).find(problem) != std::string::npos, "the error gives no reason: %s", e.what());
    }
}

}  // namespace

int main() {
    const std::string old = std::string("expected a module of ggml ") + ggml_version() + ", found one of ggml 0.1.0";
    std::ofstream(folder + "/text.so") << "no library";
    check_refused("/text.so", "");
    check_refused("/missing.so", "");
    check_refused("/libpretended-base.so", "expected a backend module of ggml");
    check_refused("/libpretended-old.so", old);
    check_refused("/libpretended-empty.so", "its driver may be missing");
    std::remove((folder + "/text.so").c_str());
    check_error_names(old);

    const std::string good = folder + "/libpretended-module.so";
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back([&] { find_device("cpu", {good}); });
    for (std::thread & thread : threads) thread.join();
    const std::string problem = problem_of(good);
    CHECK(problem.empty(), "%s", problem.c_str());
    const found_device found = find_device("cpu", {good, good});
    int n_found = 0;
    for (const device_info & device : found.all) n_found += device.kind == "pretended";
    CHECK(n_found == 1, "the module's device was found %d times", n_found);
    for (uint32_t seed = 1; n_found > 0 && seed <= 6; seed++) {
        const float difference = test::largest_difference(encode("pretended", seed), encode("cpu", seed));
        CHECK(difference <= 1e-4f, "seed %u: the module's device differs by %g", seed, (double) difference);
    }
    if (test::n_failed == 0) std::printf("modules: one that fits computes, the others are refused\n");
    return test::n_failed == 0 ? 0 : 1;
}
