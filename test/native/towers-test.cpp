// A batch must equal its single calls bit for bit: random models, types, kernel levels, precisions and thread counts,
// in mixed batches. Levels must agree with each other on f32 weights. Non-finite values must propagate. States kept by
// a run must match the graph that computes the embeddings.
#include "check.h"
#include "engine/run/session.h"
#include "kernels/kernels.h"
#include "tiny-model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace ggclip;
using test::dice;
using test::largest_difference;

namespace {

std::vector<std::string> levels() {
    std::vector<std::string> out = {"portable"};
    for (const char * name :
         {"scalar", "sse41", "avx2", "avx-vnni", "avx512-vnni", "amx", "neon", "neon-dotprod", "neon-i8mm"}) {
        kernels::cpu_level level;
        if (kernels::parse_level(name, &level) && kernels::kernels_for(level)) out.push_back(name);
    }
    return out;
}

struct inputs {
    std::vector<test::picture> pictures;
    std::vector<std::vector<int32_t>> texts;
};

inputs random_inputs(dice & dice, const hparams & hp) {
    inputs out;
    for (int i = dice.between(1, 9); i > 0; i--) out.pictures.push_back(test::random_picture(dice, hp.vision));
    for (int i = dice.between(1, 9); i > 0; i--) out.texts.push_back(test::random_text_ids(dice, hp.text));
    return out;
}

using rows = std::vector<std::vector<float>>;

rows split(const std::vector<float> & flat, size_t n) {
    rows out;
    for (size_t i = 0; i < n; i++)
        out.emplace_back(flat.begin() + (long) (i * flat.size() / n),
                         flat.begin() + (long) ((i + 1) * flat.size() / n));
    return out;
}

rows encode_pictures(session & session, const std::vector<test::picture> & pictures) {
    std::vector<image_input> images;
    for (const test::picture & picture : pictures) images.push_back(picture.tensor());
    std::vector<float> out(pictures.size() * (size_t) session.model().hp.n_proj);
    session.encode_images(images.data(), (int) images.size(), session.model().hp.image, out.data());
    return split(out, pictures.size());
}

rows encode_texts(session & session, const std::vector<std::vector<int32_t>> & texts) {
    std::vector<int32_t> ids, lengths;
    for (const auto & text : texts) {
        ids.insert(ids.end(), text.begin(), text.end());
        lengths.push_back((int32_t) text.size());
    }
    std::vector<float> out(texts.size() * (size_t) session.model().hp.n_proj);
    session.encode_texts(ids.data(), lengths.data(), (int) texts.size(), out.data());
    return split(out, texts.size());
}

// Each input alone, on its own session, so that no state of a batch can remain.
rows alone(const std::shared_ptr<const weights> & model, const inputs & in) {
    session single(model, 1, 1);
    rows out;
    for (const test::picture & picture : in.pictures) out.push_back(encode_pictures(single, {picture})[0]);
    for (const auto & text : in.texts) out.push_back(encode_texts(single, {text})[0]);
    return out;
}

bool same_bits(const std::vector<float> & a, const std::vector<float> & b) {
    return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::string describe(const hparams & hp, const load_options & options) {
    char text[256];
    snprintf(text, sizeof(text), "%s %s precision %d; picture %d/%d%s pool %d; text %d%s pool %d",
             options.kernels.c_str(), options.dtype.empty() ? "as stored" : options.dtype.c_str(),
             (int) options.arithmetic, hp.vision.image_size, hp.vision.patch_size,
             hp.vision.any_grid ? " any grid" : "", (int) hp.vision.pool, hp.text.n_ctx,
             hp.text.causal ? " causal" : "", (int) hp.text.pool);
    return text;
}

// `batched` in random order, in batches of up to max_batch, repeatedly on one session.
void check_batches(dice & dice, const std::shared_ptr<const weights> & model, const inputs & in, const rows & expected,
                   const std::string & what) {
    // ggml's own threads spin at each node: minutes on a busy machine
    const int n_threads = model->kernels ? dice.one_of({1, 2, 3, 5}) : dice.one_of({1, 1, 1, 1, 1, 1, 1, 2});
    const int max_batch = dice.one_of({1, 2, 4, 32});
    session batched(model, n_threads, max_batch);
    for (int round = 0; round < 3; round++) {
        std::vector<size_t> picked;
        inputs some;
        for (size_t i = 0; i < in.pictures.size(); i++) {
            if (dice.between(0, 3) == 0) continue;
            picked.push_back((size_t) dice.between(0, (int) in.pictures.size() - 1));
            some.pictures.push_back(in.pictures[picked.back()]);
        }
        const size_t n_picture = picked.size();
        for (size_t i = 0; i < in.texts.size(); i++) {
            picked.push_back((size_t) dice.between(0, (int) in.texts.size() - 1));
            some.texts.push_back(in.texts[picked.back()]);
            picked.back() += in.pictures.size();
        }
        rows found = some.pictures.empty() ? rows() : encode_pictures(batched, some.pictures);
        for (std::vector<float> & row : encode_texts(batched, some.texts)) found.push_back(std::move(row));
        for (size_t i = 0; i < found.size(); i++) {
            const float off = largest_difference(found[i], expected[picked[i]]);
            CHECK(same_bits(found[i], expected[picked[i]]), "%s %zu of a batch, %d threads, maxBatch %d: off by %g; %s",
                  i < n_picture ? "picture" : "text", i < n_picture ? i : i - n_picture, n_threads, max_batch,
                  (double) off, what.c_str());
        }
    }
}

// A non-finite value covered by a patch leaves no plausible number in its own embedding, and nothing in the others.
void check_not_finite(dice & dice, const std::shared_ptr<const weights> & model, const inputs & in,
                      const rows & expected, const std::string & what) {
    const size_t hit = (size_t) dice.between(0, (int) in.pictures.size() - 1);
    std::vector<test::picture> pictures = in.pictures;
    test::picture & picture = pictures[hit];
    const vision_hparams & hp = model->hp.vision;
    // convolutions and means may skip a pixel, but never the first
    const bool any = hp.layers.empty();
    const int x = any ? dice.between(0, picture.width / hp.patch_size * hp.patch_size - 1) : 0,
              y = any ? dice.between(0, picture.height / hp.patch_size * hp.patch_size - 1) : 0;
    const size_t at =
        ((size_t) dice.between(0, hp.n_channel - 1) * (size_t) picture.height + (size_t) y) * (size_t) picture.width +
        (size_t) x;
    picture.pixels[at] = dice.one_of({NAN, -NAN, INFINITY, -INFINITY});
    session batched(model, 1, 32);
    const rows found = encode_pictures(batched, pictures);
    for (size_t i = 0; i < found.size(); i++) {
        const bool lost = std::none_of(found[i].begin(), found[i].end(), [](float v) { return std::isfinite(v); });
        CHECK(i == hit ? lost : same_bits(found[i], expected[i]), "picture %zu of a batch with %g in picture %zu; %s",
              i, (double) picture.pixels[at], hit, what.c_str());
    }
}

void check_model(uint32_t seed, const std::vector<std::string> & names) {
    dice dice(seed);
    const hparams hp = test::random_hparams(dice);
    const ggml_type stored =
        dice.one_of({GGML_TYPE_F32, GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_1});
    const auto source = test::make_model(hp, dice, stored);
    const inputs in = random_inputs(dice, hp);

    load_options exact;
    exact.arithmetic = precision::exact;
    exact.kernels = "portable";
    const auto reference = std::make_shared<const weights>(*source, exact);
    const rows wanted = alone(reference, in);
    check_batches(dice, reference, in, wanted, describe(hp, exact) + ", seed " + std::to_string(seed));
    check_not_finite(dice, reference, in, wanted, describe(hp, exact) + ", seed " + std::to_string(seed));

    for (const std::string & level : names) {
        load_options options;
        options.kernels = level;
        options.dtype = dice.one_of(
            {"", "f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "q6_k", "q5_k", "q4_k", "iq4_nl"});
        options.arithmetic = dice.one_of({precision::normal, precision::normal, precision::fast, precision::exact});
        options.n_threads = dice.between(1, 3);
        const auto model = std::make_shared<const weights>(*source, options);
        const rows expected = alone(model, in);
        const std::string what = describe(hp, options) + ", seed " + std::to_string(seed);
        check_batches(dice, model, in, expected, what);
        check_not_finite(dice, model, in, expected, what);
        const bool f32 = options.arithmetic == precision::exact ||
                         (options.arithmetic == precision::normal &&
                          (options.dtype == "f32" || (options.dtype.empty() && stored == GGML_TYPE_F32)));
        for (size_t i = 0; f32 && i < expected.size(); i++) {
            const float off = largest_difference(expected[i], wanted[i]);
            CHECK(off < 1e-4f, "output %zu differs from plain ggml by %g; %s", i, (double) off, what.c_str());
        }
    }
}

// Distance from an embedding to the nearest row of a state.
float nearest_row(const state_values & state, const std::vector<float> & embedding) {
    float nearest = INFINITY;
    for (const std::vector<float> & row : split(state.data, (size_t) state.n_token))
        nearest = std::min(nearest, largest_difference(row, embedding));
    return nearest;
}

// Models that end with the pooled vector or its norm: that state equals the embedding, although such a run computes all
// tokens. A state requested alone equals the one from a run that keeps all.
void check_states(uint32_t seed, bool is_text, const std::string & level) {
    dice dice(seed);
    hparams hp = test::random_hparams(dice);
    (is_text ? hp.vision.present : hp.text.present) = false;
    tower_hparams & tower = is_text ? static_cast<tower_hparams &>(hp.text) : hp.vision;
    if (tower.pool == pooling::attention) tower.pool = pooling::mean;
    tower.has_proj = tower.has_proj_bias = false;
    tower.n_proj_hidden = 0;
    hp.n_proj = tower.n_embd;

    load_options options;
    options.kernels = level;
    options.want_text = is_text;
    options.want_vision = !is_text;
    options.dtype = dice.one_of({"f32", "f16", "q8_0", "q4_0"});
    session single(std::make_shared<const weights>(*test::make_model(hp, dice), options), dice.between(1, 3), 1);
    const auto picture = is_text ? test::picture() : test::random_picture(dice, hp.vision);
    const auto text = is_text ? test::random_text_ids(dice, hp.text) : std::vector<int32_t>();
    const auto states_of = [&](const std::vector<std::string> & names) {
        return is_text ? single.text_states(text.data(), (int) text.size(), names)
                       : single.image_states(picture.tensor(), names);
    };
    const std::vector<float> embedding =
        is_text ? encode_texts(single, {text})[0] : encode_pictures(single, {picture})[0];
    const state_map all = states_of({});
    const std::string what =
        describe(hp, options) + (is_text ? ", text" : ", image") + ", seed " + std::to_string(seed);

    const bool norm_last = tower.has_post_ln && (tower.norm_after_pool || tower.pool != pooling::mean);
    const std::string prefix = is_text ? "text." : "vision.", last = prefix + (norm_last ? "post_ln" : "pooled");
    const float limit = level == "portable" ? 1e-5f : 0.0f;  // plain ggml sums longer rows in a different order
    const float off = nearest_row(all.at(last), embedding);
    CHECK(off <= limit, "%s differs from the embedding by %g; %s", last.c_str(), (double) off, what.c_str());
    for (const auto & [name, state] : all) {
        if (dice.between(0, 11) > 0) continue;
        CHECK(same_bits(states_of({name}).at(name).data, state.data),
              "%s alone differs from the one of a run that keeps all; %s", name.c_str(), what.c_str());
    }
    const int n_state = 2 + (tower.n_layer + 1) * (tower.has_post_ln ? 2 : 1) + 9 * tower.n_layer;
    CHECK((int) all.size() >= n_state, "%zu states, expected at least %d; %s", all.size(), n_state, what.c_str());
    const rows again = is_text ? encode_texts(single, {text}) : encode_pictures(single, {picture});
    CHECK(same_bits(again[0], embedding), "the embedding differs after a run that keeps states; %s", what.c_str());
}

}  // namespace

// towers-test [first seed] [models]
int main(int argc, char ** argv) {
    const auto first = (uint32_t) (argc > 1 ? atoi(argv[1]) : 1);
    const int n_model = argc > 2 ? atoi(argv[2]) : 30;
    const auto names = levels();
    for (int i = 0; i < n_model && test::n_failed < 50; i++) check_model(first + (uint32_t) i, names);
    for (int i = 0; i < n_model && test::n_failed < 50; i++)
        for (const std::string & level : names) check_states(first + (uint32_t) i, i % 2 == 1, level);
    if (test::n_failed == 0) std::printf("towers: %d models on %zu levels right\n", n_model, names.size());
    return test::n_failed == 0 ? 0 : 1;
}
