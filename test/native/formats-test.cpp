// Readers, converter and writer of model files. argv[1]: folder of the reference models made by test/oracle/build.cjs,
// which prints its path. GGCLIP_FUZZ_ROUNDS: rounds of the mutation test (default 2000).
#include "formats-broken-files.h"
#include "hparams-fields.h"

#include "engine/weights/block-rows.h"
#include "engine/weights/kernel-rows.h"
#include "engine/weights/tensor-convert.h"
#include "formats/write/convert.h"
#include "formats/layout/names/enums.h"
#include "formats/open-model.h"

#include <cmath>
#include <cstdlib>
#include <random>

using namespace test;

// ---- conversion ------------------------------------------------------------------------------------------

static std::vector<float> values_of(const source_tensor & tensor) {
    std::vector<float> out(converted_size(tensor, GGML_TYPE_F32) / sizeof(float));
    convert_rows(tensor, GGML_TYPE_F32, 0, (int64_t) out.size() / tensor.ne[0], out.data());
    return out;
}

// Converts, reopens and compares everything; `tolerance` is relative to each tensor's largest value.
static void check_round_trip(const std::string & what, model_source source, const folder & where, ggml_type type,
                             double tolerance) {
    const std::string path = where.file("round-trip.gguf");
    convert_options options;
    options.type = type;
    options.n_threads = 3;
    source.hp.name = "a name", source.hp.license = "mit", source.hp.source = "some/where", source.hp.revision = "main";
    tokenizer_source tokenizer;
    tokenizer.json = "{\"\xc3\xa9\":1}";
    tokenizer.tokens = {"a", "b</w>", "\xf0\x9f\x98\x80"};
    tokenizer.merges = {"a b"};
    const convert_report report = convert(source, tokenizer, path, options);
    const model_source again = open_model(path);
    check(report.n_bytes == std::filesystem::file_size(std::filesystem::u8path(path)), what + ": reported size");
    check(again.format == "gguf" && again.ignored.empty(), what + ": a file of ours without leftovers");
    check(difference(source.hp, again.hp).empty(), what + ": hparams survive: " + difference(source.hp, again.hp));
    const bool text = source.hp.text.present;
    check(!text || (again.tokenizer.json == tokenizer.json && again.tokenizer.tokens == tokenizer.tokens &&
                    again.tokenizer.merges == tokenizer.merges),
          what + ": tokenizer survives");
    check(again.tensors.size() == source.tensors.size(), what + ": tensor count");
    for (size_t i = 0; i < source.tensors.size() && i < again.tensors.size(); i++) {
        const source_tensor &a = source.tensors[i], &b = again.tensors[i];
        const bool same = a.name == b.name && a.n_dims == b.n_dims && std::equal(a.ne, a.ne + 4, b.ne) && !b.transposed;
        check(same, what + ": " + a.name + " keeps its shape");
        check(b.type == converted_type(a, options), what + ": " + a.name + " has the policy's type");
        check(b.n_dims > 1 || b.type == GGML_TYPE_F32, what + ": vectors stay f32: " + a.name);
        const std::vector<float> x = values_of(a), y = values_of(b);
        double worst = 0, largest = 1e-9;
        for (size_t j = 0; same && j < x.size(); j++) {
            worst = std::max(worst, std::fabs((double) x[j] - (double) y[j]));
            largest = std::max(largest, std::fabs((double) x[j]));
        }
        const double limit = b.type == GGML_TYPE_F32 ? 0 : b.type == GGML_TYPE_F16 ? 6e-4 : tolerance;
        check(worst <= limit * largest, what + ": " + a.name + " off by " + std::to_string(worst / largest));
    }
}

// The tiny model without its text tower and with a different MLP width.
static tiny_model vision_only(int n_ff) {
    tiny_model model;
    model.header = "{", model.data.clear();
    model.hp.text.present = false;
    model.hp.vision.n_ff = n_ff;
    const std::string key = "\"intermediate_size\":";
    model.config = replaced(model.config, key + "128", key + std::to_string(n_ff));
    for (const expected_tensor & tensor : expected_tensors(model.hp))
        model.add(origin_of(tensor, name_scheme::hf_clip).name, tensor.ne);
    model.header = replaced(model.header, "{,", "{") + "}";
    return model;
}

// Shapes decide which MLP matrix comes first; if both are square, only the layout version can.
static void test_mlp_names() {
    const folder where("mlp");
    convert_options options;
    options.type = GGML_TYPE_F32;
    const std::string path = where.file("a.gguf");
    const auto first = [](const model_source & source) {
        for (const source_tensor & tensor : source.tensors)
            if (tensor.name == "v.blk.0.ffn_up.weight") return values_of(tensor);
        return std::vector<float>();
    };
    const auto swapped = [&](const std::string & what, const tiny_model & model, bool expected) {
        model.write(where);
        const model_source source = open_model(where.path);
        convert(source, {}, path, options);
        check(first(open_model(path)) == first(source), what + ": our layout");
        // without the version, and with the two matrices' names swapped as in clip.cpp
        std::string bytes = replaced(read_file(path), "clip.layout_version", "clip.layout_versioX");
        write_file(path, bytes);
        check((first(open_model(path)) == first(source)) == !expected, what + ": no version, our names");
        for (const char * suffix : {"weight", "bias"}) {
            const std::string up = std::string("v.blk.0.ffn_up.") + suffix,
                              down = std::string("v.blk.0.ffn_down.") + suffix;
            bytes = replaced(bytes, gguf_string(up), "@up");
            bytes = replaced(bytes, gguf_string(down), gguf_string(up));
            bytes = replaced(bytes, "@up", gguf_string(down));
        }
        write_file(path, bytes);
        check(first(open_model(path)) == first(source), what + ": clip.cpp's names");
    };
    swapped("square MLP", vision_only(64), true);
    swapped("usual MLP", vision_only(128), false);
}

// What kernels read of a type without kernels: q4_K and q5_K keep their steps, others lose an eighth of a step at most.
static void test_kernel_rows() {
    const ggml_type types[] = {GGML_TYPE_Q2_K, GGML_TYPE_Q3_K,   GGML_TYPE_Q4_K,  GGML_TYPE_Q5_K,
                               GGML_TYPE_Q6_K, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS};
    for (const ggml_type type : types) {
        const ggml_type to = kernel_rows_type(type);
        for (const int n : {32, 256, 480, 768}) {
            const int stored = (int) (row_bytes(type, n) / ggml_type_size(type) * (size_t) ggml_blck_size(type));
            std::vector<float> values((size_t) stored), expected(values), got((size_t) n);
            std::mt19937 bits((uint32_t) (n + type));
            const auto uniform = [&] { return (float) (bits() >> 8) / (float) (1 << 23) - 1.0f; };
            for (int i = 0; i < n; i++)
                values[i] = (i % 61 == 7 ? 4.0f : 0.02f) * (uniform() + uniform() + uniform()) + 0.01f;
            std::vector<uint8_t> row(row_bytes(type, n)), packed(row_bytes(to, n));
            ggml_quantize_chunk(type, values.data(), row.data(), 0, 1, stored, nullptr);
            ggml_get_type_traits(type)->to_float(row.data(), expected.data(), stored);
            to_kernel_rows(type, row.data(), n, packed.data());
            ggml_get_type_traits(to)->to_float(packed.data(), got.data(), n);
            const bool steps_stay = type == GGML_TYPE_Q4_K || type == GGML_TYPE_Q5_K;
            for (int i0 = 0; i0 < n; i0 += 32) {
                double largest = 0, difference = 0;
                for (int i = i0; i < i0 + 32; i++) {
                    largest = std::max(largest, std::fabs((double) expected[i]));
                    difference = std::max(difference, std::fabs((double) expected[i] - got[i]));
                }
                check(difference <= largest * (steps_stay ? 1.5e-3 : 0.5 / 127 + 1e-3),
                      std::string(ggml_type_name(type)) + " as kernels read it, values from " + std::to_string(i0) +
                          " of " + std::to_string(n) + ": " + std::to_string(difference / largest));
            }
        }
    }
}

static void test_convert() {
    const folder where("convert");
    const tiny_model model;
    model.write(where);
    const model_source source = open_model(where.path);
    const struct {
        ggml_type type;
        double tolerance;
    } types[] = {
        {GGML_TYPE_F32, 0},     {GGML_TYPE_F16, 6e-4},  {GGML_TYPE_BF16, 5e-3}, {GGML_TYPE_Q8_0, 6e-3},
        {GGML_TYPE_Q5_0, 0.08}, {GGML_TYPE_Q5_1, 0.05}, {GGML_TYPE_Q4_0, 0.15}, {GGML_TYPE_Q4_1, 0.1},
        {GGML_TYPE_Q6_K, 0.05}, {GGML_TYPE_Q5_K, 0.06}, {GGML_TYPE_Q4_K, 0.1},  {GGML_TYPE_IQ4_NL, 0.15},
        {GGML_TYPE_COUNT, 0},
    };
    for (const auto & entry : types) {
        const char * name = entry.type == GGML_TYPE_COUNT ? "keep" : ggml_type_name(entry.type);
        check_round_trip(std::string("tiny ") + name, source, where, entry.type, entry.tolerance);
    }

    // rules
    convert_options options;
    options.type = GGML_TYPE_Q4_K;
    options.overrides = {
        {"v.blk.0.ffn_*.weight", GGML_TYPE_Q8_0}, {"*.position_embd.weight", GGML_TYPE_F16}, {"*", GGML_TYPE_Q4_0}};
    for (const source_tensor & tensor : source.tensors) {
        const ggml_type type = converted_type(tensor, options);
        const bool matrix = tensor.n_dims == 2;
        if (tensor.name == "v.blk.0.ffn_up.weight") check(type == GGML_TYPE_Q8_0, "override");
        if (tensor.name == "v.blk.0.ffn_up.bias") check(type == GGML_TYPE_F32, "overrides spare vectors");
        if (tensor.name == "t.position_embd.weight") check(type == GGML_TYPE_F16, "position override");
        if (tensor.name == "v.patch_embd.weight") check(type == GGML_TYPE_F16, "patch embedding at f16 or better");
        if (tensor.name == "t.blk.0.attn_q.weight")
            check(matrix && type == GGML_TYPE_Q4_0, "first match wins, last star");
    }
    options.overrides.clear();
    for (const source_tensor & tensor : source.tensors) {
        if (tensor.name == "t.blk.0.attn_q.weight")
            check(converted_type(tensor, options) == GGML_TYPE_Q5_0, "rows of 32 under a K-quant");
        if (tensor.name == "t.position_embd.weight")
            check(converted_type(tensor, options) == GGML_TYPE_F32, "positions stay f32");
    }

    test_mlp_names();

    // failures leave no files behind
    const folder out("convert-out");
    const std::string path = out.file("m.gguf");
    write_file(path, "precious");
    std::atomic<bool> cancelled{true};
    check_error(
        "cancel", code::ABORTED, [&] { convert(source, {}, path, options, nullptr, &cancelled); });
    check_error("progress throws", code::INTERNAL, [&] {
        convert(source, {}, path, options, [](const convert_progress &) { throw_error(code::INTERNAL, "stop"); });
    });
    options.type = GGML_TYPE_I32;
    check_error("type", code::INPUT_RANGE, [&] { convert(source, {}, path, options); }, {"i32"});
    options.type = GGML_TYPE_Q8_0;
    tiny_model broken;
    broken.data.replace(0, 4 * 64, std::string(4 * 64, '\xff'));  // class embedding: stays f32, copied unchanged
    const size_t matrix = 4 * (64 + 4 * 4 * 3 * 64);              // position table, then the first norm
    broken.data.replace(matrix + 4 * (64 * 5 + 4 * 64), 4, raw(NAN));
    const folder nan("convert-nan");
    broken.write(nan);
    check_error(
        "NaN", code::FILE_FORMAT, [&] { convert(open_model(nan.path), {}, path, options); },
        {"v.blk.0.attn_q.weight", "finite"});
    check_error("no such folder", code::FILE_WRITE, [&] { convert(source, {}, out.file("none/m.gguf"), options); },
                {"none/m.gguf"});
    check(read_file(path) == "precious" && out.n_files() == 1, "failed conversions leave no file and keep the old one");
    size_t calls = 0;
    uint64_t last = 0;
    convert(source, {}, path, options, [&](const convert_progress & p) {
        calls++;
        last = p.n_bytes_done == p.n_bytes;
    });
    check(calls > source.tensors.size() && last == 1 && out.n_files() == 1, "progress ends at the total");

    // one tower only
    const folder single("convert-vision");
    vision_only(128).write(single);
    const model_source one = open_model(single.path);
    check(one.hp.vision.present && !one.hp.text.present && one.hp.n_proj == 48, "one tower");
    check_round_trip("one tower", one, single, GGML_TYPE_Q8_0, 6e-3);
}

// ---- mutations -------------------------------------------------------------------------------------------

// Every byte range of a model_source is readable.
static void check_ranges(const model_source & source) {
    for (const source_tensor & tensor : source.tensors) {
        check(tensor.n_bytes == converted_size(tensor, tensor.type), "size of " + tensor.name);
        std::vector<uint8_t> bytes(tensor.n_bytes);
        try {
            tensor.read(0, bytes.size(), bytes.data());
        } catch (const error & failure) {
            check(false, "range of " + tensor.name + ": " + failure.what());
        }
    }
}

static std::string mutate(const std::string & whole, size_t n_head) {
    static const uint64_t words[] = {
        0, 1, 2, 31, 32, 255, 65535, 65536, 1ull << 31, 0xffffffffull, 1ull << 32, 1ull << 62, 1ull << 63, ~0ull};
    std::string bytes = whole;
    const uint32_t kind = next_random() % 8;
    const size_t range = next_random() % 4 ? n_head : bytes.size();  // mostly in the header
    const size_t at = next_random() % range;
    if (kind == 0) {
        bytes.resize(at);
    } else if (kind == 1) {
        const uint64_t word = words[next_random() % (sizeof(words) / sizeof(words[0]))];
        const size_t n = next_random() % 2 ? 8 : 4;
        bytes.replace(at, std::min(n, bytes.size() - at), raw(word).substr(0, n));
    } else if (kind == 2) {
        bytes.erase(at, 1 + next_random() % 16);
    } else if (kind == 3) {
        bytes.insert(at, bytes.substr(next_random() % range, 1 + next_random() % 64));
    } else {
        for (uint32_t i = 0; i < kind - 3; i++) bytes[next_random() % range] = (char) next_random();
    }
    return bytes;
}

static void test_mutations(int n_rounds) {
    const folder where("fuzz");
    const tiny_model model;
    model.write(where);
    convert_options options;
    options.type = GGML_TYPE_Q8_0;
    const std::string gguf = where.file("fuzz.gguf"), out = where.file("out.gguf");
    tokenizer_source tokenizer;
    tokenizer.tokens = {"a", "b", "c"};
    convert(open_model(where.path), tokenizer, gguf, options);
    const std::string whole_gguf = read_file(gguf), whole_safe = read_file(where.file("model.safetensors"));
    const size_t gguf_head = whole_gguf.find("text_projection.weight") + 100;
    int opened = 0, refused = 0;
    random_state = 42;
    const auto attempt = [&](const std::string & path, bool convert_too) {
        try {
            const model_source source = open_model(path);
            check_ranges(source);
            opened++;
            if (convert_too) convert(source, source.tokenizer, out, options);
        } catch (const error & caught) {
            check(caught.code() != code::INTERNAL && *caught.what() != '\0', std::string("mutation: ") + caught.what());
            refused++;
        }
    };
    for (int i = 0; i < n_rounds; i++) {
        write_file(gguf, mutate(whole_gguf, gguf_head));
        attempt(gguf, i % 64 == 0);
        write_file(where.file("model.safetensors"), mutate(whole_safe, 8 + model.header.size()));
        attempt(where.path, i % 64 == 0);
        if (i % 4 == 0) {
            write_file(where.file("model.safetensors"), whole_safe);
            write_file(where.file("config.json"), mutate(model.config, model.config.size()));
            attempt(where.path, false);
            write_file(where.file("config.json"), model.config);
        }
    }
    std::printf("mutations: %d opened, %d refused\n", opened, refused);
    check(opened > n_rounds / 50 && refused > n_rounds / 2, "mutations reach both ends");
}

// ---- reference models ------------------------------------------------------------------------------------

static void test_oracle(const std::string & oracle) {
    const folder where("oracle");
    const struct {
        const char * path;
        size_t n_tensors;
        int n_proj, vision, text, vocab, eos;
        activation act;
        float scale;
    } models[] = {
        {"models/hf-clip-tiny", 109, 64, 128, 128, 2514, 2513, activation::quick_gelu, 4.6052f},
        {"models/hf-clip-gelu-tiny", 77, 80, 96, 64, 1714, -1, activation::gelu_erf, 4.6052f},
        {"models/openclip-tiny", 77, 72, 96, 64, 2514, -1, activation::gelu_erf, 4.6052f},
        {"models/siglip-tiny", 90, 96, 96, 96, 276, -1, activation::gelu_tanh, 4.7f},
        {"gguf/hf-clip-gelu-tiny-f32.gguf", 77, 80, 96, 64, 1714, 1713, activation::gelu_erf, 4.60517019f},
        {"gguf/hf-clip-tiny-f16.gguf", 109, 64, 128, 128, 2514, 2513, activation::quick_gelu, 4.60517019f},
        {"gguf/hf-clip-tiny-q8_0.gguf", 109, 64, 128, 128, 2514, 2513, activation::quick_gelu, 4.60517019f},
        {"gguf/hf-clip-tiny-q4_0.gguf", 109, 64, 128, 128, 2514, 2513, activation::quick_gelu, 4.60517019f},
    };
    for (const auto & entry : models) {
        const std::string name = entry.path;
        const model_source source = open_model(oracle + "/" + entry.path);
        const hparams & hp = source.hp;
        check(source.tensors.size() == entry.n_tensors && source.ignored.empty(), name + ": tensors");
        check(hp.n_proj == entry.n_proj && hp.vision.n_embd == entry.vision && hp.text.n_embd == entry.text,
              name + ": widths");
        check(hp.text.n_vocab == entry.vocab && hp.text.eos_id == entry.eos, name + ": vocabulary");
        check(hp.vision.act == entry.act && hp.text.act == entry.act, name + ": activation");
        check(std::fabs(hp.logit_scale - entry.scale) < 1e-5f, name + ": logit scale");
        const bool gguf = source.format == "gguf";
        check(source.tokenizer.tokens.size() == (gguf ? (size_t) entry.vocab : 0), name + ": tokens");
        check_ranges(source);
        check_round_trip(name + " f32", source, where, GGML_TYPE_F32, 0);
        check_round_trip(name + " q8_0", source, where, GGML_TYPE_Q8_0, 6e-3);
        check_round_trip(name + " keep", source, where, GGML_TYPE_COUNT, 0);
    }
    const hparams siglip = open_model(oracle + "/models/siglip-tiny").hp;
    check(siglip.sigmoid && std::fabs(siglip.logit_bias + 12.9f) < 1e-5f && siglip.image.mode == resize_mode::squash,
          "siglip scalars");
    check(open_model(oracle + "/models/openclip-tiny").hp.image.rounding == crop_rounding::half_even, "open_clip crop");

    // clip.cpp's swapped names yield the same values as the original model
    const model_source hf = open_model(oracle + "/models/hf-clip-gelu-tiny");
    const model_source gguf = open_model(oracle + "/gguf/hf-clip-gelu-tiny-f32.gguf");
    for (size_t i = 0; i < hf.tensors.size(); i++) {
        const bool exact = gguf.tensors[i].type == GGML_TYPE_F32;  // the patch embedding is f16
        check(hf.tensors[i].name == gguf.tensors[i].name &&
                  (!exact || values_of(hf.tensors[i]) == values_of(gguf.tensors[i])),
              "clip.cpp layout: " + hf.tensors[i].name);
    }
}

int main(int argc, char ** argv) {
    const char * rounds = std::getenv("GGCLIP_FUZZ_ROUNDS");
    try {
        test_json();
        test_safetensors();
        test_configs();
        test_gguf_structure();
        test_kernel_rows();
        test_convert();
        test_mutations(rounds ? std::atoi(rounds) : 2000);
        if (argc != 2)
            throw std::runtime_error("expected the folder of the reference models, which test/oracle/build.cjs prints");
        test_oracle(argv[1]);
    } catch (const std::exception & caught) {
        check(false, std::string("unexpected: ") + caught.what());
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder::root(), ignored);
    std::printf("formats: %d checks, %d failed\n", n_checks, n_failed);
    return n_failed ? 1 : 0;
}
