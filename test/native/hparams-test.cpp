// Hyper-parameters and tensors: every member is listed, and every hyper-parameter survives a file round trip.
#include "check.h"
#include "engine/error.h"
#include "engine/run/session.h"
#include "hparams-fields.h"
#include "tiny-model.h"

#include "formats/open-model.h"
#include "formats/write/convert.h"

#include <filesystem>
#include <utility>

using namespace test;

// ---- every member of hparams.h has a line in hparams-fields.h
// --------------------------------------------------------

struct anything {
    template <class T>
    operator T() const;
};

template <class T, class Index, class = void>
struct takes_values : std::false_type {};
template <class T, size_t... I>
struct takes_values<T, std::index_sequence<I...>, std::void_t<decltype(T{(void(I), anything())...})>> : std::true_type {
};

// Number of members of an aggregate; a base counts as one.
template <class T, size_t N = 64>
constexpr size_t count_members() {
    if constexpr (N == 0) return 0;
    else if constexpr (takes_values<T, std::make_index_sequence<N>>::value) return N;
    else return count_members<T, N - 1>();
}

template <class T>
static size_t count_within(const std::set<const void *> & members, const T & whole) {
    const auto * begin = reinterpret_cast<const char *>(&whole);
    return (size_t) std::count_if(members.begin(), members.end(),
                                  [&](const void * member) { return member >= begin && member < begin + sizeof(T); });
}

static void test_members_are_listed() {
    hparams hp;
    hp.vision.present = hp.text.present = true;
    const field_values values = fields_of(hp);
    const size_t of_tower = count_members<tower_hparams>();
    const size_t vision = of_tower + count_members<vision_hparams>() - 1,
                 text = of_tower + count_members<text_hparams>() - 1;
    const size_t image = count_members<image_hparams>(), model = count_members<hparams>() - 3;
    CHECK(of_tower > 10 && model > 5, "members are counted: %zu and %zu", of_tower, model);
    CHECK(count_within(values.members, hp.vision) == vision, "vision_hparams: %zu of %zu members",
          count_within(values.members, hp.vision), vision);
    CHECK(count_within(values.members, hp.text) == text, "text_hparams: %zu of %zu members",
          count_within(values.members, hp.text), text);
    CHECK(count_within(values.members, hp.image) == image, "image_hparams: %zu of %zu members",
          count_within(values.members, hp.image), image);
    CHECK(values.members.size() == vision + text + image + model, "hparams: %zu of %zu members", values.members.size(),
          vision + text + image + model);
    CHECK(values.n_of_block == 2 * count_members<block_hparams>(), "block_hparams: %zu lines for two towers",
          values.n_of_block);
    CHECK(values.n_of_layer == count_members<conv_layer>(), "conv_layer: %zu lines", values.n_of_layer);
    // the two `pruned` appear only as their blocks' members, `layers` as those of a layer
    CHECK(values.all.size() == values.members.size() - 3 + values.n_of_layer, "names are unique");
}

// ---- every field survives a file
// -------------------------------------------------------------------------------------

static void vary_tower(dice & dice, tower_hparams & tower) {
    tower.eps = dice.one_of({1e-5f, 1e-6f, 1e-12f});
    tower.pooled_output = dice.coin();
    for (const block_hparams & block : tower.pruned) {
        tower.n_head = &block == &tower.pruned[0] ? block.n_head : std::max(tower.n_head, block.n_head);
        tower.n_ff = &block == &tower.pruned[0] ? block.n_ff : std::max(tower.n_ff, block.n_ff);
    }
}

static void vary_image(dice & dice, hparams & hp) {
    image_hparams & image = hp.image;
    const auto byte = [&] { return (uint8_t) dice.between(0, 255); };
    const bool whole_patches = hp.vision.any_grid && dice.coin();
    image.mode = whole_patches ? resize_mode::patches
                               : dice.one_of({resize_mode::shortest, resize_mode::squash, resize_mode::longest});
    image.filter = dice.one_of({interpolation::nearest, interpolation::bilinear, interpolation::bicubic});
    image.rounding = dice.one_of({crop_rounding::floor, crop_rounding::half_even});
    if (hp.vision.any_grid) image.crop = hp.vision.patch_size * dice.between(1, 5);
    image.resize = image.crop + dice.between(0, 9);
    image.patch = whole_patches ? hp.vision.patch_size : 0;
    image.max_patches = whole_patches ? dice.between(4, 300) : 0;
    for (size_t c = 0; c < 3; c++) {
        image.mean[c] = dice.normal() / 6;
        image.std[c] = 0.1f + std::fabs(dice.normal()) / 6;
        image.fill[c] = byte();
        image.background[c] = byte();
    }
}

static hparams random_fields(dice & dice) {
    hparams hp = random_hparams(dice);
    const auto word = [&](const char * a) { return dice.coin() ? a : ""; };
    hp.name = word("a name"), hp.family = dice.one_of({"clip", "siglip"}), hp.license = word("mit"),
    hp.source = word("some/where"), hp.revision = word("main");
    hp.logit_scale = dice.normal(), hp.logit_bias = dice.normal(), hp.sigmoid = dice.coin();
    vary_tower(dice, hp.vision);
    vary_tower(dice, hp.text);
    vary_image(dice, hp);
    text_hparams & text = hp.text;
    text.bos_id = dice.between(-1, text.n_vocab - 1);
    text.pad_id = dice.between(text.causal || text.sees_padding ? -1 : 0, text.n_vocab - 1);
    text.cleaning = dice.one_of({text_cleaning::whitespace_lower, text_cleaning::open_clip, text_cleaning::lower});
    text.norm_after_pool = dice.coin();
    if (text.causal || text.n_position == text.n_ctx) text.n_position = 0;
    if (dice.between(0, 3) == 0) {  // without a projection both towers have the same width
        text.has_proj = text.has_proj_bias = false;
        text.n_proj_hidden = 0;
        text.has_proj_hidden_bias = false;
        hp.n_proj = text.n_embd;
        if (!hp.vision.has_proj) hp.vision.has_proj = true;
    }
    const int towers = dice.between(0, 5);
    hp.vision.present = towers != 0;
    hp.text.present = towers != 1;
    return hp;
}

static void test_fields_survive() {
    const auto path =
        std::filesystem::temp_directory_path() / ("ggclip-hparams-" + std::to_string(std::random_device()()) + ".gguf");
    std::map<std::string, std::set<std::string>> seen;
    for (uint32_t seed = 1; seed <= 200; seed++) {
        dice dice(seed);
        const hparams hp = random_fields(dice);
        convert_options options;
        options.type = GGML_TYPE_F32;
        options.n_threads = 1;
        try {
            convert(*make_model(hp, dice), {}, path.u8string(), options);
            const std::string lost = difference(hp, open_model(path.u8string()).hp);
            CHECK(lost.empty(), "seed %u: %s", seed, lost.c_str());
        } catch (const error & failure) {
            CHECK(false, "seed %u: %s", seed, failure.what());
        }
        for (const auto & [name, value] : fields_of(hp).all) seen[name].insert(value);
    }
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    // otherwise a field missing from the file could pass by always having its fallback
    for (const auto & [name, values] : seen)
        CHECK(values.size() > 1 || name == "vision.channels", "%s had one value only", name.c_str());
}

// ---- every member of weights.h has a line in tensor-list.cpp
// ---------------------------------------------------------

using offsets = std::set<size_t>;

// Adds the bytes of `whole` covered by a tensor's place.
template <class T>
static void cover(const std::vector<placed_tensor> & tensors, const T & whole, offsets & covered) {
    const auto * begin = reinterpret_cast<const char *>(&whole);
    for (const placed_tensor & tensor : tensors) {
        const auto * place = tensor.linear ? reinterpret_cast<const char *>(tensor.linear)
                                           : reinterpret_cast<const char *>(tensor.tensor);
        if (place < begin || place >= begin + sizeof(T)) continue;
        const size_t size = tensor.linear ? sizeof(linear_weights) : sizeof(ggml_tensor *);
        for (size_t i = 0; i < size; i++) covered.insert((size_t) (place - begin) + i);
    }
}

static void test_weights_are_listed() {
    offsets of_block, of_layer, of_vision, of_text;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        dice dice(seed);
        const hparams hp = random_hparams(dice);
        vision_weights vision;
        text_weights text;
        const std::vector<placed_tensor> tensors = place_tensors(hp, vision, text);
        std::set<std::string> names;
        std::set<const void *> places;
        for (const placed_tensor & tensor : tensors) {
            names.insert(tensor.name);
            places.insert(tensor.linear ? static_cast<const void *>(tensor.linear) : tensor.tensor);
        }
        CHECK(names.size() == tensors.size() && places.size() == tensors.size(),
              "seed %u: %zu tensors have %zu names and %zu places", seed, tensors.size(), names.size(), places.size());
        for (const block_weights & block : vision.blocks) cover(tensors, block, of_block);
        for (const conv_weights & layer : vision.layers) cover(tensors, layer, of_layer);
        cover(tensors, vision, of_vision);
        cover(tensors, text, of_text);
    }
    const size_t blocks = sizeof(std::vector<block_weights>);
    CHECK(of_block.size() == sizeof(block_weights), "block_weights: %zu of %zu bytes", of_block.size(),
          sizeof(block_weights));
    CHECK(of_layer.size() == sizeof(conv_weights), "conv_weights: %zu of %zu bytes", of_layer.size(),
          sizeof(conv_weights));
    CHECK(of_vision.size() == sizeof(vision_weights) - 2 * blocks, "vision_weights: %zu of %zu bytes", of_vision.size(),
          sizeof(vision_weights) - 2 * blocks);
    CHECK(of_text.size() == sizeof(text_weights) - blocks, "text_weights: %zu of %zu bytes", of_text.size(),
          sizeof(text_weights) - blocks);
}

int main() {
    test_members_are_listed();
    test_weights_are_listed();
    test_fields_survive();
    std::printf("hparams: %d failed\n", test::n_failed);
    return test::n_failed ? 1 : 0;
}
