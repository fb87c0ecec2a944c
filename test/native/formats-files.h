// Helpers of formats-test.cpp: small files built byte by byte, so that every field can be corrupted.
#pragma once

#include "engine/error.h"
#include "engine/names.h"
#include "formats/layout/names/tensors.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace test {

using namespace ggclip;

inline int n_checks = 0, n_failed = 0;

inline void check(bool good, const std::string & what) {
    n_checks++;
    if (!good) {
        n_failed++;
        std::printf("FAILED: %s\n", what.c_str());
    }
}

// `call` must throw this error code, with a message containing all `words`.
inline void check_error(const std::string & what, error_code code, const std::function<void()> & call,
                        const std::vector<std::string> & words = {}) {
    try {
        call();
        check(false, what + ": expected " + error_code_name(code) + ", nothing was thrown");
    } catch (const error & caught) {
        const std::string text = std::string(error_code_name(caught.code())) + " " + caught.what();
        check(caught.code() == code, what + ": expected " + error_code_name(code) + ", got " + text);
        for (const std::string & word : words)
            check(text.find(word) != std::string::npos, what + ": expected \"" + word + "\" in " + text);
    }
}

struct folder {
    std::string path;

    // one per process: test runs may be concurrent
    static const std::filesystem::path & root() {
        static const auto path =
            std::filesystem::temp_directory_path() / ("ggclip-formats-test-" + std::to_string(std::random_device()()));
        return path;
    }
    explicit folder(const std::string & name) {
        const auto base = root() / name;
        std::filesystem::create_directories(base);
        path = base.u8string();
    }
    std::string file(const std::string & name) const { return path + "/" + name; }
    size_t n_files() const {
        size_t n = 0;
        for (const auto & entry : std::filesystem::directory_iterator(std::filesystem::u8path(path)))
            n += entry.is_regular_file();
        return n;
    }
};

inline void write_file(const std::string & path, const std::string & bytes) {
    std::ofstream out(std::filesystem::u8path(path), std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), (std::streamsize) bytes.size());
}

inline std::string read_file(const std::string & path) {
    std::ifstream in(std::filesystem::u8path(path), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

template <typename T>
std::string raw(T value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof(value));
}

inline std::string gguf_string(const std::string & text) { return raw<uint64_t>(text.size()) + text; }

// A GGUF file from raw parts; any field can be replaced before bytes() is called.
struct gguf_parts {
    std::string magic = "GGUF";
    uint32_t version = 3;
    std::string keys, infos, data;
    uint64_t n_keys = 0, n_tensors = 0, alignment = 32;

    void key(const std::string & name, uint32_t kind, const std::string & value) {
        keys += gguf_string(name) + raw<uint32_t>(kind) + value;
        n_keys++;
    }
    void text(const std::string & name, const std::string & value) { key(name, 8, gguf_string(value)); }
    void u32(const std::string & name, uint32_t value) { key(name, 4, raw(value)); }
    void f32(const std::string & name, float value) { key(name, 6, raw(value)); }
    void flag(const std::string & name, bool value) { key(name, 7, raw<uint8_t>(value)); }
    void tensor(const std::string & name, const std::vector<uint64_t> & ne, uint32_t type, uint64_t offset) {
        infos += gguf_string(name) + raw((uint32_t) ne.size());
        for (uint64_t n : ne) infos += raw(n);
        infos += raw(type) + raw(offset);
        n_tensors++;
    }
    std::string bytes() const {
        std::string out = magic + raw(version) + raw(n_tensors) + raw(n_keys) + keys + infos;
        out.resize((out.size() + alignment - 1) / alignment * alignment);
        return out + data;
    }
};

inline std::string safetensors(const std::string & header, const std::string & data) {
    return raw<uint64_t>(header.size()) + header + data;
}

inline uint32_t random_state = 1;
inline uint32_t next_random() {
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

// A complete Hugging Face model: two towers with one block each, about 100 KB.
struct tiny_model {
    std::string config =
        R"({"model_type":"clip","projection_dim":48,"text_config":{"vocab_size":20,"hidden_size":32,"intermediate_size":64,)"
        R"("num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":8,"eos_token_id":19,"bos_token_id":18,)"
        R"("pad_token_id":0},"vision_config":{"hidden_size":64,"intermediate_size":128,"num_hidden_layers":1,)"
        R"("num_attention_heads":4,"image_size":8,"patch_size":4}})";
    hparams hp;
    std::string header, data;

    tiny_model() {
        hp.n_proj = 48;
        hp.vision.present = hp.text.present = true;
        hp.vision.n_embd = 64, hp.vision.n_ff = 128, hp.vision.n_layer = 1, hp.vision.n_head = 4, hp.vision.d_head = 16;
        hp.vision.image_size = 8, hp.vision.patch_size = 4;
        hp.text.n_embd = 32, hp.text.n_ff = 64, hp.text.n_layer = 1, hp.text.n_head = 2, hp.text.d_head = 16;
        hp.text.n_vocab = 20, hp.text.n_ctx = 8;
        random_state = 7;
        header = "{\"__metadata__\":{\"format\":\"pt\"}";
        for (const expected_tensor & tensor : expected_tensors(hp))
            add(origin_of(tensor, name_scheme::hf_clip).name, tensor.ne);
        header += "}";
    }

    void add(const std::string & name, const std::vector<int64_t> & ne) {
        int64_t n = 1;
        std::string shape;
        for (int64_t extent : ne) {
            n *= extent;
            shape = std::to_string(extent) + (shape.empty() ? "" : ",") + shape;
        }
        const size_t begin = data.size();
        for (int64_t i = 0; i < n; i++) data += raw((float) (next_random() % 2001) / 1000.0f - 1.0f);
        header += ",\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[" +
                  std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
    }

    void write(const folder & where) const {
        write_file(where.file("config.json"), config);
        write_file(where.file("model.safetensors"), safetensors(header, data));
    }
};

inline std::string replaced(std::string text, const std::string & from, const std::string & to) {
    const size_t at = text.find(from);
    check(at != std::string::npos, "test data contains " + from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace test
