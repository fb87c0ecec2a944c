// From pixels to embeddings: a mix of decoded pictures and ready tensors of different sizes and channels, more than fit
// one batch, must equal single calls bit for bit; pictures must also equal the tensors preprocess() makes.
#include "check.h"
#include "engine/error.h"
#include "engine/preprocess.h"
#include "engine/run/session.h"
#include "tiny-model.h"

using namespace ggclip;
using test::dice;

namespace {

// An image of a call, and its backing data.
struct owned_image {
    std::vector<uint8_t> bytes;
    int width = 0, height = 0, channels = 0;
    test::picture ready;  // used if there are no bytes

    image_view view() const { return make_image_view(bytes.data(), bytes.size(), width, height, channels); }
    image_input input() const { return bytes.empty() ? image_input(ready.tensor()) : image_input(view()); }
};

owned_image random_image(dice & dice, const vision_hparams & hp) {
    owned_image out;
    if (dice.between(0, 3) == 0) {
        out.ready = test::random_picture(dice, hp);
        return out;
    }
    out.width = dice.between(1, 60);
    out.height = dice.between(1, 60);
    out.channels = dice.one_of({1, 3, 3, 3, 4});
    out.bytes.resize((size_t) out.width * (size_t) out.height * (size_t) out.channels);
    for (uint8_t & byte : out.bytes) byte = (uint8_t) dice.between(0, 255);
    return out;
}

hparams random_model(dice & dice) {
    hparams hp = test::random_hparams(dice);
    hp.text.present = false;
    if (hp.vision.any_grid) {
        hp.image.mode = resize_mode::patches;
        hp.image.patch = hp.vision.patch_size;
        hp.image.max_patches = dice.between(1, 20);
    } else {
        hp.image.mode = dice.one_of({resize_mode::shortest, resize_mode::squash, resize_mode::longest});
    }
    return hp;
}

std::vector<float> encode(session & session, const std::vector<image_input> & images, const image_hparams & params) {
    std::vector<float> out(images.size() * (size_t) session.model().hp.n_proj);
    session.encode_images(images.data(), (int) images.size(), params, out.data());
    return out;
}

// The result of preprocess(), as a tensor.
test::picture prepared(const owned_image & image, const image_hparams & params) {
    if (image.bytes.empty()) return image.ready;
    const image_size size = tower_image_size(params, image.width, image.height);
    test::picture out = {size.width, size.height, std::vector<float>((size_t) 3 * (size_t) (size.width * size.height))};
    preprocess_scratch scratch;
    preprocess(params, image.view(), out.pixels.data(), scratch);
    return out;
}

std::shared_ptr<const weights> image_tower(const hparams & hp, dice & dice) {
    load_options options;
    options.want_text = false;
    return std::make_shared<const weights>(*test::make_model(hp, dice), options);
}

void check_model(uint32_t seed) {
    dice dice(seed);
    const hparams hp = random_model(dice);
    const auto model = image_tower(hp, dice);
    image_hparams params = hp.image;
    params.background = {10, 200, (uint8_t) dice.between(0, 255)};
    const int max_batch = dice.between(1, 4), n_threads = dice.one_of({1, 2, 5, 9});
    session single(model, 1, 1), batched(model, n_threads, max_batch);

    for (int round = 0; round < 4; round++) {
        std::vector<owned_image> images((size_t) dice.between(1, 9));
        std::vector<image_input> inputs;
        for (owned_image & image : images) {
            image = random_image(dice, hp.vision);
            inputs.push_back(image.input());
        }
        const std::vector<float> found = encode(batched, inputs, params);
        for (size_t i = 0; i < images.size(); i++) {
            const std::vector<float> alone = encode(single, {inputs[i]}, params);
            const std::vector<float> of_tensor = encode(single, {prepared(images[i], params).tensor()}, params);
            const std::string what = "seed " + std::to_string(seed) + ", image " + std::to_string(i) + " of " +
                                     std::to_string(images.size());
            CHECK(memcmp(found.data() + i * alone.size(), alone.data(), alone.size() * sizeof(float)) == 0,
                  "%s, maxBatch %d, %d threads: differs from a call of its own", what.c_str(), max_batch, n_threads);
            CHECK(memcmp(alone.data(), of_tensor.data(), alone.size() * sizeof(float)) == 0,
                  "%s: differs from the tensor that preprocess() makes", what.c_str());
        }
    }
}

// A fully transparent picture equals its background.
void check_background() {
    dice dice(1);
    const hparams hp = random_model(dice);
    session session(image_tower(hp, dice), 2, 2);
    owned_image clear, blue;
    clear.width = blue.width = clear.height = blue.height = 40;
    clear.channels = 4;
    blue.channels = 3;
    clear.bytes.assign(40 * 40 * 4, 0);
    for (int i = 0; i < 40 * 40; i++) blue.bytes.insert(blue.bytes.end(), {0, 0, 255});
    image_hparams params = hp.image;
    params.background = {0, 0, 255};
    CHECK(encode(session, {clear.input()}, params) == encode(session, {blue.input()}, params),
          "the background is seen");
    CHECK(encode(session, {clear.input()}, hp.image) != encode(session, {blue.input()}, hp.image),
          "the background is the call's");
}

// Unusable input is rejected before any part of the call runs, even if it is in a later batch.
void check_refused() {
    dice dice(3);
    const hparams hp = random_model(dice);
    session session(image_tower(hp, dice), 1, 1);
    const int edge = hp.vision.image_size;
    const test::picture good = {edge, edge, std::vector<float>((size_t) (3 * edge * edge))},
                        bad = {edge + 1, edge, std::vector<float>((size_t) (3 * (edge + 1) * edge))};
    std::vector<float> out(2 * (size_t) hp.n_proj, -7.0f);
    const auto code_of = [](const std::function<void()> & work) {
        try {
            work();
        } catch (const error & failure) {
            return failure.code();
        }
        return error_code::INTERNAL;
    };
    const std::vector<image_input> images = {good.tensor(), bad.tensor()};
    CHECK(code_of([&] { session.encode_images(images.data(), 2, hp.image, out.data()); }) == error_code::INPUT_SHAPE,
          "a tensor of another size is refused");
    CHECK(out == std::vector<float>(out.size(), -7.0f), "nothing was computed");
    for (int n : {0, 2}) {
        CHECK(code_of([&] { session.profile_images(images.data(), n, 1); }) == error_code::INPUT_RANGE,
              "a profile of %d images, maxBatch 1, is refused", n);
    }
}

}  // namespace

int main() {
    for (uint32_t seed = 1; seed <= 60 && test::n_failed < 50; seed++) check_model(seed);
    check_background();
    check_refused();
    if (test::n_failed == 0) std::printf("pictures: every batch equals its single calls\n");
    return test::n_failed == 0 ? 0 : 1;
}
