// The GPU path on a simulated device: alternating batches of pictures and texts with changing shapes must equal their
// first run bit for bit, and the CPU's results within rounding, whether the device supports every operation or needs
// the CPU for one.
#include "check.h"
#include "engine/run/session.h"
#include "pretended-device.h"
#include "tiny-model.h"

using namespace ggclip;
using test::dice;

namespace {

struct run_input {
    bool is_text = false;
    std::vector<test::picture> pictures;
    std::vector<int32_t> ids, lengths;
};

run_input random_input(dice & dice, const hparams & hp) {
    run_input in;
    in.is_text = dice.coin();
    for (int i = dice.one_of({1, 1, 3, 8}); i > 0; i--) {
        if (in.is_text) {
            const auto text = test::random_text_ids(dice, hp.text);
            in.ids.insert(in.ids.end(), text.begin(), text.end());
            in.lengths.push_back((int32_t) text.size());
        } else {
            in.pictures.push_back(test::random_picture(dice, hp.vision));
        }
    }
    return in;
}

std::vector<float> encode(session & session, const run_input & in) {
    const size_t n = in.is_text ? in.lengths.size() : in.pictures.size();
    std::vector<float> out(n * (size_t) session.model().hp.n_proj);
    if (in.is_text) {
        session.encode_texts(in.ids.data(), in.lengths.data(), (int) n, out.data());
        return out;
    }
    std::vector<image_input> images;
    for (const test::picture & picture : in.pictures) images.push_back(picture.tensor());
    session.encode_images(images.data(), (int) n, session.model().hp.image, out.data());
    return out;
}

void check_model(uint32_t seed, ggml_op lacking) {
    test::pretended::lacking = lacking;
    dice dice(seed);
    const hparams hp = test::random_hparams(dice);
    const ggml_type stored = dice.one_of({GGML_TYPE_F32, GGML_TYPE_Q8_0});
    // q8_0: another sum order rounds to other bytes, which scores that are not scaled (mT5) make larger
    const float limit = stored == GGML_TYPE_F32 ? 1e-4f : hp.text.scales_scores ? 5e-2f : 1e-1f;
    const auto source = test::make_model(hp, dice, stored);
    load_options on_cpu, on_device;
    on_cpu.device = "cpu";
    on_cpu.kernels = "portable";
    on_device.device = "pretended";
    session cpu(std::make_shared<const weights>(*source, on_cpu), 1, 8);
    session device(std::make_shared<const weights>(*source, on_device), 1, 8);

    std::vector<run_input> inputs;
    std::vector<std::vector<float>> first;
    const int n_before = test::pretended::n_runs;
    for (int step = 0; step < 24; step++) {
        const bool fresh = inputs.empty() || (inputs.size() < 8 && dice.coin());
        const auto at = fresh ? inputs.size() : (size_t) dice.between(0, (int) inputs.size() - 1);
        if (fresh) inputs.push_back(random_input(dice, hp));
        const std::vector<float> out = encode(device, inputs[at]);
        const char * kind = inputs[at].is_text ? "texts" : "pictures";
        if (fresh) {
            first.push_back(out);
            CHECK(test::largest_difference(out, encode(cpu, inputs[at])) <= limit,
                  "seed %u, step %d: %s differ from the CPU's (operation %d lacking)", seed, step, kind, (int) lacking);
        }
        CHECK(memcmp(out.data(), first[at].data(), out.size() * sizeof(float)) == 0,
              "seed %u, step %d: %s differ from their first run (operation %d lacking)", seed, step, kind,
              (int) lacking);
    }
    CHECK(test::pretended::n_runs > n_before, "seed %u: the device computed nothing", seed);
}

}  // namespace

int main() {
    test::pretended::enter();
    for (uint32_t seed = 1; seed <= 12; seed++)
        for (ggml_op lacking : {GGML_OP_COUNT, GGML_OP_SOFT_MAX, GGML_OP_MUL_MAT}) check_model(seed, lacking);
    if (test::n_failed == 0) std::printf("device: every batch equals its first run\n");
    return test::n_failed == 0 ? 0 : 1;
}
