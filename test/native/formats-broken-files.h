// Files and configurations with one error each, and the error code each must produce.
#pragma once

#include "formats-files.h"

#include "formats/containers/gguf-reader.h"
#include "formats/containers/json.h"
#include "formats/open-model.h"

#include <cmath>

namespace test {

using code = error_code;

// ---- JSON ------------------------------------------------------------------------------------------------

inline void test_json() {
    const json_value v = parse_json(
        R"( {"a":[1,-2,3.5e1,true,null],"b":{"c":"\u00e9\ud83d\ude00\n\"x"},"d":9223372036854775808} )", "t");
    const json_ref root(&v, "file", "");
    check(root.get("a").at(1).as_integer(-5, 5) == -2, "json integer");
    check(root.get("a").at(2).as_real(0, 100) == 35.0, "json real");
    check(root.get("b").string("c", "") == "\xc3\xa9\xf0\x9f\x98\x80\n\"x", "json escapes");
    check(v.find("d")->kind == json_value::kind_t::real, "json integers beyond 64 bits are real");
    check(root.integer("missing", 7, 0, 9) == 7, "json fallback");
    check_error(
        "json range", code::CONFIG_INVALID, [&] { root.get("a").at(0).as_integer(2, 3); },
        {"file", "a[0]", "2 to 3", "found 1"});
    check_error("json kind", code::CONFIG_INVALID, [&] { root.object("b").integer("c", 0, 0, 1); }, {"b.c", "string"});
    const char * const bad[] = {"",
                                "{",
                                "[1,]",
                                "{\"a\":1,}",
                                "{a:1}",
                                "01",
                                "1.",
                                "-",
                                "+1",
                                "1e",
                                "\"\\x\"",
                                "\"\\ud800\"",
                                "\"\\udc00\"",
                                "\"\\u12g4\"",
                                "\"\x01\"",
                                "\"\xff\"",
                                "\"\xc0\x80\"",
                                "\"\xed\xa0\x80\"",
                                "\"\xf4\x90\x80\x80\"",
                                "\"\xe2\x82",
                                "nul",
                                "truex",
                                "1 2",
                                "\"abc",
                                "[1 2]",
                                "{\"a\" 1}",
                                "1e999",
                                "NaN",
                                "\xef\xbb\xbf{}"};
    for (const char * text : bad)
        check_error(
            std::string("json ") + text, code::FILE_FORMAT, [&] { parse_json(text, "t"); }, {"line"});
    check_error(
        "json duplicate", code::FILE_FORMAT, [] { parse_json(R"({"a":1,"b":2,"a":3})", "t"); }, {"\"a\""});
    check_error(
        "json escaped duplicate", code::FILE_FORMAT, [] { parse_json("{\"a\":1,\"\\u0061\":3}", "t"); }, {"\"a\""});
    check_error("json depth", code::FILE_LIMIT, [] { parse_json(std::string(100000, '['), "t"); });
    json_limits small;
    small.max_values = 10;
    small.max_bytes = 100;
    check_error(
        "json values", code::FILE_LIMIT, [&] { parse_json("[1,2,3,4,5,6,7,8,9,0,1]", "t", small); });
    check_error("json bytes", code::FILE_LIMIT, [&] { parse_json(std::string(101, ' '), "t", small); });
}

// ---- safetensors -----------------------------------------------------------------------------------------

inline void test_safetensors() {
    const folder where("safetensors");
    const tiny_model model;
    model.write(where);
    const std::string file = where.file("model.safetensors");
    const auto open = [&] { open_model(where.path); };
    open_model(where.path);
    open_model(file);

    const auto with = [&](const std::string & header, const std::string & data) {
        write_file(file, safetensors(header, data));
    };
    const auto expect = [&](const char * what, code expected, const std::string & header,
                            const std::vector<std::string> & words = {}) {
        with(header, model.data);
        check_error(what, expected, open, words);
    };
    const std::string whole = safetensors(model.header, model.data);
    for (size_t n : {(size_t) 0, (size_t) 1, (size_t) 7, (size_t) 8, (size_t) 9, 8 + model.header.size() / 2,
                     8 + model.header.size() - 1, 8 + model.header.size(), whole.size() - 1}) {
        write_file(file, whole.substr(0, n));
        check_error("safetensors cut at " + std::to_string(n), code::FILE_TRUNCATED, open, {"model.safetensors"});
    }
    write_file(file, whole + "x");
    check_error("safetensors tail", code::FILE_FORMAT, open);
    write_file(file, raw<uint64_t>(~0ull) + whole.substr(8));
    check_error("safetensors header length", code::FILE_LIMIT, open);
    expect("not an object", code::FILE_FORMAT, "[1]");
    expect("bad json", code::FILE_FORMAT, model.header.substr(0, model.header.size() - 1));
    const std::string bias = "vision_model.post_layernorm.bias";
    expect("unknown dtype", code::FILE_FORMAT, replaced(model.header, "\"dtype\":\"F32\"", "\"dtype\":\"F33\""),
           {"dtype", "F33"});
    expect("missing dtype", code::FILE_FORMAT, replaced(model.header, "\"dtype\":\"F32\",", ""), {"dtype"});
    expect("negative dim", code::FILE_FORMAT, replaced(model.header, "\"shape\":[64]", "\"shape\":[-64]"), {"-64"});
    expect("real dim", code::FILE_FORMAT, replaced(model.header, "\"shape\":[64]", "\"shape\":[64.0]"));
    expect("overflow", code::FILE_LIMIT,
           replaced(model.header, "\"shape\":[64]", "\"shape\":[4294967296,4294967296,64]"), {"overflow"});
    expect("too many dims", code::FILE_LIMIT,
           replaced(model.header, "\"shape\":[64]", "\"shape\":[1,1,1,1,1,1,1,1,64]"));
    expect("size", code::FILE_FORMAT, replaced(model.header, "\"shape\":[64]", "\"shape\":[63]"), {"252", "256"});
    expect("offsets falling", code::FILE_FORMAT,
           replaced(model.header, "\"data_offsets\":[0,256]", "\"data_offsets\":[256,0]"));
    expect("offsets negative", code::FILE_FORMAT,
           replaced(model.header, "\"data_offsets\":[0,256]", "\"data_offsets\":[-256,0]"));
    expect("offsets one", code::FILE_FORMAT,
           replaced(model.header, "\"data_offsets\":[0,256]", "\"data_offsets\":[0]"));
    expect("overlap", code::FILE_FORMAT,
           replaced(model.header, "\"data_offsets\":[0,256]", "\"data_offsets\":[128,384]"));
    expect("past the end", code::FILE_TRUNCATED,
           replaced(model.header, "\"data_offsets\":[0,256]",
                    "\"data_offsets\":[9223372036854775551,9223372036854775807]"));
    expect("duplicate", code::TENSOR_DUPLICATE, replaced(model.header, bias, "vision_model.post_layernorm.weight"),
           {"post_layernorm.weight"});
    expect("missing", code::TENSOR_MISSING, replaced(model.header, bias, "other"), {"v.post_ln.bias", bias, "[64]"});
    expect("shape", code::TENSOR_SHAPE, replaced(model.header, "\"shape\":[64,3,4,4]", "\"shape\":[64,3,2,8]"),
           {"v.patch_embd.weight", "[4, 4, 3, 64]", "[8, 2, 3, 64]"});
    expect("type", code::TENSOR_TYPE, replaced(model.header, "\"dtype\":\"F32\"", "\"dtype\":\"I32\""), {"I32"});
    expect("towers disagree", code::TENSOR_SHAPE, replaced(model.header, "\"shape\":[48,32]", "\"shape\":[32,48]"));

    // shards
    std::filesystem::remove(std::filesystem::u8path(file));
    const std::string index = file + ".index.json";
    check_error("no weights", code::FILE_NOT_FOUND, open, {"model.safetensors"});
    write_file(where.file("a.safetensors"), whole);
    write_file(where.file("b.safetensors"), safetensors("{}", ""));
    write_file(index, R"({"weight_map":{"visual_projection.weight":"a.safetensors"}})");
    open();
    write_file(
        index,
        R"({"weight_map":{"visual_projection.weight":"b.safetensors","text_projection.weight":"a.safetensors"}})");
    check_error("wrong shard", code::TENSOR_MISSING, open, {"visual_projection.weight"});
    write_file(where.file("b.safetensors"),
               safetensors(R"({"logit_scale":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", raw(2.5f)));
    write_file(index, R"({"weight_map":{"logit_scale":"b.safetensors","text_projection.weight":"a.safetensors"}})");
    check(open_model(where.path).hp.logit_scale == 2.5f, "sharded logit_scale");
    const struct {
        const char * dtype;
        uint16_t bits;  // of 2.5
    } halves[] = {{"F16", 0x4100}, {"BF16", 0x4020}};
    for (const auto & half : halves) {
        const std::string header =
            std::string(R"({"logit_scale":{"dtype":")") + half.dtype + R"(","shape":[1],"data_offsets":[0,2]}})";
        write_file(where.file("b.safetensors"), safetensors(header, raw(half.bits)));
        check(open_model(where.path).hp.logit_scale == 2.5f, std::string("logit_scale in ") + half.dtype);
    }
    const std::string endless = R"({"logit_scale":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";
    write_file(where.file("b.safetensors"), safetensors(endless, raw(INFINITY)));
    check_error("infinite logit_scale", code::CONFIG_INVALID, open, {"logit_scale"});
    write_file(where.file("b.safetensors"), whole);
    check_error("duplicate over shards", code::TENSOR_DUPLICATE, open);
    for (const char * name : {"../a.safetensors", "/etc/passwd", "x/y.safetensors", "", ".."}) {
        write_file(index, std::string(R"({"weight_map":{"t":")") + name + "\"}}");
        check_error(std::string("index path ") + name, code::CONFIG_INVALID, open, {"weight_map.t"});
    }
    write_file(index, R"({"weight_map":{"t":"none.safetensors"}})");
    check_error("absent shard", code::FILE_NOT_FOUND, open, {"none.safetensors"});
    write_file(index, R"({"weight_map":{}})");
    check_error("empty index", code::CONFIG_INVALID, open);
}

// ---- configurations --------------------------------------------------------------------------------------

inline void test_configs() {
    const folder where("configs");
    const tiny_model model;
    model.write(where);
    const auto open = [&] { return open_model(where.path); };
    const auto config = [&](const char * what, code expected, const std::string & from, const std::string & to,
                            const std::vector<std::string> & words) {
        write_file(where.file("config.json"), replaced(model.config, from, to));
        check_error(what, expected, open, words);
    };
    const hparams hp = open().hp;
    // pooling uses the end id; start and padding come from the tokenizer, whatever the configuration says
    check(hp.text.eos_id == 19 && hp.text.bos_id == -1 && hp.text.pad_id == -1, "ids");
    check(hp.image.resize == 8 && hp.image.mode == resize_mode::shortest && hp.n_proj == 48,
          "defaults without a preprocessor");
    config("model_type", code::MODEL_UNSUPPORTED, "\"clip\"", "\"blip\"", {"model_type", "blip"});
    config("heads", code::CONFIG_INVALID, "\"num_attention_heads\":4", "\"num_attention_heads\":5",
           {"vision_config.num_attention_heads", "64", "5"});
    config("zero heads", code::CONFIG_INVALID, "\"num_attention_heads\":4", "\"num_attention_heads\":0",
           {"vision_config.num_attention_heads"});
    config("huge width", code::CONFIG_INVALID, "\"hidden_size\":64", "\"hidden_size\":64000000",
           {"vision_config.hidden_size", "16384"});
    config("text width", code::CONFIG_INVALID, "\"hidden_size\":32", "\"hidden_size\":\"32\"",
           {"text_config.hidden_size", "string"});
    config("layers", code::CONFIG_INVALID, "\"num_hidden_layers\":1,\"num_attention_heads\":4",
           "\"num_hidden_layers\":257,\"num_attention_heads\":4", {"257"});
    config("patch", code::CONFIG_INVALID, "\"patch_size\":4", "\"patch_size\":16", {"vision_config.patch_size"});
    config("act", code::MODEL_UNSUPPORTED, "\"patch_size\":4", "\"patch_size\":4,\"hidden_act\":\"relu\"",
           {"hidden_act", "relu"});
    config("channels", code::CONFIG_INVALID, "\"patch_size\":4", "\"patch_size\":4,\"num_channels\":1",
           {"num_channels"});
    config("eos", code::CONFIG_INVALID, "\"eos_token_id\":19", "\"eos_token_id\":20", {"text_config.eos_token_id"});
    config("vocab", code::TENSOR_SHAPE, "\"vocab_size\":20", "\"vocab_size\":21",
           {"t.token_embd.weight", "token_embedding", "[32, 21]", "[32, 20]"});
    config("tower is no object", code::CONFIG_INVALID, "\"text_config\":{", "\"text_config\":7,\"x\":{",
           {"text_config"});
    config("eps", code::CONFIG_INVALID, "\"patch_size\":4", "\"patch_size\":4,\"layer_norm_eps\":-1e-5",
           {"layer_norm_eps"});
    write_file(where.file("config.json"), replaced(model.config, "\"eos_token_id\":19", "\"eos_token_id\":2"));
    check(open().hp.text.eos_id == -1, "legacy eos pools at the highest id");
    write_file(where.file("config.json"), model.config);

    const auto preprocessor = [&](const std::string & text) {
        write_file(where.file("preprocessor_config.json"), text);
    };
    preprocessor(R"({"size":10,"crop_size":8,"resample":2,"image_mean":[0.1,0.2,0.3],"image_std":[1,1,1]})");
    check(open().hp.image.resize == 10 && open().hp.image.filter == interpolation::bilinear &&
              open().hp.image.mean[2] == 0.3f,
          "preprocessor numbers");
    preprocessor(R"({"size":{"height":8,"width":8},"do_normalize":false})");
    check(open().hp.image.mode == resize_mode::squash && open().hp.image.std[0] == 1.0f, "preprocessor squash");
    const struct {
        const char * text;
        code expected;
        const char * word;
    } bad[] = {
        {R"({"size":8,"crop_size":4})", code::CONFIG_INVALID, "crop_size"},
        {R"({"size":4,"crop_size":8})", code::MODEL_UNSUPPORTED, "crop_size"},
        {R"({"size":{"height":8,"width":9}})", code::MODEL_UNSUPPORTED, "size.width"},
        {R"({"size":{"height":8}})", code::CONFIG_INVALID, "size.width"},
        {R"({"size":"8"})", code::CONFIG_INVALID, "size"},
        {R"({"resample":1})", code::MODEL_UNSUPPORTED, "resample"},
        {R"({"do_resize":false})", code::MODEL_UNSUPPORTED, "do_resize"},
        {R"({"do_resize":1})", code::CONFIG_INVALID, "do_resize"},
        {R"({"do_center_crop":false})", code::MODEL_UNSUPPORTED, "do_center_crop"},
        {R"({"image_mean":[1,2]})", code::CONFIG_INVALID, "image_mean"},
        {R"({"image_std":[1,0,1]})", code::CONFIG_INVALID, "image_std[1]"},
        {R"({"rescale_factor":1})", code::MODEL_UNSUPPORTED, "rescale_factor"},
    };
    for (const auto & entry : bad) {
        preprocessor(entry.text);
        check_error(entry.text, entry.expected, open, {entry.word, "preprocessor"});
    }

    // open_clip: errors name the keys that change the network
    std::filesystem::remove(std::filesystem::u8path(where.file("config.json")));
    const std::string towers =
        R"({"model_cfg":{"embed_dim":48,"vision_cfg":{"width":64,"head_width":16,"layers":1,"image_size":8,"patch_size":4},)"
        R"("text_cfg":{"width":32,"heads":2,"layers":1,"vocab_size":20,"context_length":8}}})";
    const struct {
        const char * from;
        const char * to;
        const char * word;
    } keys[] = {
        {"\"layers\":1,\"image_size\"", "\"timm_model_name\":\"x\",\"image_size\"", "timm_model_name"},
        {"\"layers\":1,\"image_size\"", "\"pool_type\":\"map\",\"image_size\"", "pool_type"},
        {"\"heads\":2", "\"heads\":2,\"hf_model_name\":\"roberta\"", "hf_model_name"},
        {"\"heads\":2", "\"heads\":2,\"embed_cls\":true,\"no_causal_mask\":true", "no_causal_mask"},
        {"\"heads\":2", "\"heads\":2,\"surprise\":1", "surprise"},
        {"\"layers\":1,\"image_size\"", "\"attentional_pool\":\"cascade\",\"image_size\"", "attentional_pool"},
    };
    for (const auto & entry : keys) {
        write_file(where.file("open_clip_config.json"), replaced(towers, entry.from, entry.to));
        check_error(entry.word, code::MODEL_UNSUPPORTED, open, {entry.word});
    }
    write_file(where.file("open_clip_config.json"), towers);
    check_error("open_clip names", code::TENSOR_MISSING, open, {"visual."});
    write_file(where.file("open_clip_config.json"),
               replaced(towers, "\"layers\":1,\"image_size\"", "\"layers\":[1,1,1,1],\"image_size\""));
    check_error("a list of layers is a ResNet's", code::TENSOR_MISSING, open, {"visual.conv1.weight", "kernels"});
    write_file(where.file("open_clip_config.json"),
               replaced(towers, "\"layers\":1,\"vocab_size\"", "\"layers\":[1],\"vocab_size\""));
    check_error("a text tower's list of layers", code::CONFIG_INVALID, open, {"text_cfg.layers"});
    check_error(
        "no such path", code::FILE_NOT_FOUND, [&] { open_model(where.file("none")); }, {"none"});
    check_error("no model", code::FILE_FORMAT, [&] { open_model(where.file("preprocessor_config.json")); });
}

// ---- GGUF ------------------------------------------------------------------------------------------------

inline void test_gguf_structure() {
    const folder where("gguf");
    const std::string path = where.file("a.gguf");
    const auto base = [] {
        gguf_parts parts;
        parts.text("general.architecture", "clip");
        parts.u32("a", 7);
        parts.tensor("t1", {32, 2}, GGML_TYPE_Q8_0, 0);
        parts.tensor("t2", {3}, GGML_TYPE_F32, 96);
        parts.data = std::string(96 + 12, 'x');
        return parts;
    };
    const auto expect = [&](const std::string & what, code expected, const std::string & bytes,
                            const std::vector<std::string> & words = {}) {
        write_file(path, bytes);
        check_error(
            "gguf " + what, expected, [&] { gguf_file file(model_file::open(path)); }, words);
    };
    const std::string whole = base().bytes();
    write_file(path, whole);
    gguf_file good(model_file::open(path));
    check(good.integer("a", 0, 10) == 7 && good.tensors().tensors.at("t2").n_bytes == 12, "gguf values");
    check_error(
        "gguf kind", code::CONFIG_INVALID, [&] { good.string("a", ""); }, {"key a", "string", "7 (u32)"});
    check_error(
        "gguf range", code::CONFIG_INVALID, [&] { good.integer("a", 8, 9); }, {"8 to 9"});
    check_error("gguf absent", code::CONFIG_INVALID, [&] { good.real("b", 0, 1); }, {"key b", "nothing"});
    for (size_t n = 0; n < whole.size(); n++)
        expect("cut at " + std::to_string(n), code::FILE_TRUNCATED, whole.substr(0, n));
    const auto edit = [&](const std::function<void(gguf_parts &)> & change) {
        gguf_parts parts = base();
        change(parts);
        return parts.bytes();
    };
    expect("magic", code::FILE_FORMAT, edit([](gguf_parts & p) { p.magic = "GGML"; }), {"magic"});
    expect("version 1", code::FILE_FORMAT, edit([](gguf_parts & p) { p.version = 1; }), {"version"});
    expect("big-endian", code::FILE_FORMAT, edit([](gguf_parts & p) { p.version = 0x03000000; }), {"big-endian"});
    expect("tensor count", code::FILE_LIMIT, edit([](gguf_parts & p) { p.n_tensors = 1ull << 60; }), {"tensor count"});
    expect("key count", code::FILE_LIMIT, edit([](gguf_parts & p) { p.n_keys = ~0ull; }), {"key count"});
    expect("one key too many", code::FILE_LIMIT, edit([](gguf_parts & p) { p.n_keys++; }));
    expect("key length", code::FILE_LIMIT, edit([](gguf_parts & p) {
               p.keys = raw<uint64_t>(~0ull) + p.keys;
               p.n_keys++;
           }));
    expect("empty key", code::FILE_FORMAT, edit([](gguf_parts & p) { p.u32("", 1); }));
    expect("duplicate key", code::FILE_FORMAT, edit([](gguf_parts & p) { p.u32("a", 1); }), {"\"a\"", "twice"});
    expect("kind", code::FILE_FORMAT, edit([](gguf_parts & p) { p.key("b", 13, "    "); }), {"\"b\"", "13"});
    expect("boolean", code::FILE_FORMAT, edit([](gguf_parts & p) { p.key("b", 7, "\x02"); }));
    expect("string length", code::FILE_TRUNCATED,
           edit([](gguf_parts & p) { p.key("b", 8, raw<uint64_t>(1ull << 62)); }));
    expect("nested array", code::FILE_FORMAT,
           edit([](gguf_parts & p) { p.key("b", 9, raw<uint32_t>(9) + raw<uint64_t>(1)); }));
    expect("array length", code::FILE_TRUNCATED,
           edit([](gguf_parts & p) { p.key("b", 9, raw<uint32_t>(12) + raw<uint64_t>(1ull << 61)); }));
    expect("strings length", code::FILE_TRUNCATED,
           edit([](gguf_parts & p) { p.key("b", 9, raw<uint32_t>(8) + raw<uint64_t>(~0ull)); }));
    for (uint32_t alignment : {0u, 3u, 48u, 131072u}) {
        expect("alignment", code::FILE_FORMAT, edit([&](gguf_parts & p) { p.u32("general.alignment", alignment); }),
               {"alignment"});
    }
    expect("alignment kind", code::FILE_FORMAT, edit([](gguf_parts & p) { p.text("general.alignment", "32"); }));
    expect("five dims", code::FILE_FORMAT, edit([](gguf_parts & p) {
               p.tensor("t3", {1, 1, 1, 1, 1}, 0, 128);
           }),
           {"t3"});
    expect("zero dim", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {4, 0}, 0, 128); }));
    expect("negative dim", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {~0ull}, 0, 128); }));
    expect("overflow", code::FILE_LIMIT, edit([](gguf_parts & p) {
               p.tensor("t3", {1ull << 31, 1ull << 31, 4}, 0, 128);
           }),
           {"overflow"});
    expect("overflow of bytes", code::FILE_LIMIT, edit([](gguf_parts & p) { p.tensor("t3", {1ull << 62}, 0, 128); }));
    for (uint32_t type : {4u, 5u, 31u, 43u, 0xffffffffu})
        expect("type", code::FILE_FORMAT, edit([&](gguf_parts & p) { p.tensor("t3", {32}, type, 128); }), {"type"});
    expect("row", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {33}, GGML_TYPE_Q4_0, 128); }), {"32"});
    expect("misaligned", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {1}, 0, 100); }),
           {"multiple of 32"});
    expect("overlap", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {1}, 0, 64); }));
    expect("same place", code::FILE_FORMAT, edit([](gguf_parts & p) { p.tensor("t3", {1}, 0, 96); }));
    expect("past the end", code::FILE_TRUNCATED, edit([](gguf_parts & p) { p.tensor("t3", {1}, 0, 128); }), {"t3"});
    expect("far past the end", code::FILE_TRUNCATED, edit([](gguf_parts & p) { p.tensor("t3", {1}, 0, ~31ull); }));
    expect("duplicate tensor", code::TENSOR_DUPLICATE, edit([](gguf_parts & p) { p.tensor("t1", {1}, 0, 128); }),
           {"t1"});
    expect("tensor name", code::FILE_LIMIT, edit([](gguf_parts & p) { p.tensor(std::string(257, 'n'), {1}, 0, 128); }));
    write_file(path, edit([](gguf_parts & p) {
                   p.u32("general.alignment", 64);
                   p.infos.clear();
                   p.n_tensors = 0;
               }));
    check_error("gguf without towers", code::CONFIG_INVALID, [&] { open_model(path); });
    write_file(path, replaced(whole, "clip", "bert"));
    check_error(
        "gguf architecture", code::MODEL_UNSUPPORTED, [&] { open_model(path); }, {"bert"});
    write_file(path, edit([](gguf_parts & p) { p.flag("clip.has_llava_projector", true); }));
    check_error(
        "gguf llava", code::MODEL_UNSUPPORTED, [&] { open_model(path); }, {"projector"});
    write_file(path, edit([](gguf_parts & p) { p.text("clip.projector_type", "mlp"); }));
    check_error(
        "gguf projector type", code::MODEL_UNSUPPORTED, [&] { open_model(path); }, {"projector"});
    write_file(path, edit([](gguf_parts & p) { p.u32("clip.layout_version", 2); }));
    check_error("gguf layout", code::MODEL_UNSUPPORTED, [&] { open_model(path); }, {"layout_version"});
}

}  // namespace test
