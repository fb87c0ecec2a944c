// What every target on model files does: the bytes become files of a scratch folder, which is loaded the way a user
// loads it. A load that succeeds is followed by an encode of two pictures and two texts, with kernels and without. An
// error of the library's is a right answer; a crash, a sanitizer's report or a defect of our own (INTERNAL) is a
// finding. Values that are not finite are what such weights make; lib/vectors/finite.ts makes an error of them.
#pragma once

#include "engine/error.h"
#include "engine/run/session.h"
#include "formats/inspect.h"
#include "formats/open-model.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

namespace fuzz {

// The configuration of the model in seeds/: CLIP, both towers 8 wide with one block.
inline constexpr char tiny_config[] =
    R"({"model_type":"clip","projection_dim":8,"text_config":{"vocab_size":8,"hidden_size":8,"intermediate_size":8,)"
    R"("num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":4,"bos_token_id":6,"eos_token_id":7},)"
    R"("vision_config":{"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,)"
    R"("image_size":5,"patch_size":2}})";

// A folder of this process's own, gone with it.
class scratch_folder {
  public:
    scratch_folder() {
        const auto base = std::filesystem::temp_directory_path() / ("ggclip-fuzz-" + std::to_string(getpid()));
        std::filesystem::create_directories(base);
        path_ = base.u8string();
    }
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(std::filesystem::u8path(path_), ignored);
    }
    const std::string & path() const { return path_; }
    std::string file(const std::string & name) const { return path_ + "/" + name; }

    void write(const std::string & name, std::string_view bytes) const {
        FILE * out = fopen(file(name).c_str(), "wb");
        if (!out || fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size() || fclose(out) != 0) {
            perror(name.c_str());
            _exit(1);
        }
    }
    void clear() const {
        for (const auto & entry : std::filesystem::directory_iterator(std::filesystem::u8path(path_)))
            std::filesystem::remove(entry.path());
    }

  private:
    std::string path_;
};

[[noreturn]] inline void finding(const std::string & what) {
    fprintf(stderr, "finding: %s\n", what.c_str());
    abort();
}

inline void encode(const std::shared_ptr<const ggclip::weights> & model) {
    const ggclip::hparams & hp = model->hp;
    ggclip::session session(model, /*n_threads=*/1, /*max_batch=*/2);
    std::vector<float> out(2 * (size_t) hp.n_proj);
    if (hp.vision.present) {
        const int edge = hp.vision.image_size;
        std::vector<float> pixels((size_t) 3 * edge * edge);
        for (size_t i = 0; i < pixels.size(); i++) pixels[i] = (float) (i % 17) / 8.0f - 1.0f;
        const ggclip::image_input image = ggclip::image_tensor{pixels.data(), edge, edge}, both[] = {image, image};
        session.encode_images(both, 2, session.model().hp.image, out.data());
    }
    if (hp.text.present) {
        const int least = hp.text.sees_padding ? hp.text.n_ctx : 1, lengths[] = {hp.text.n_ctx, least};
        std::vector<int32_t> ids((size_t) lengths[0] + (size_t) lengths[1]);
        for (size_t i = 0; i < ids.size(); i++) ids[i] = (int32_t) (i % (size_t) hp.text.n_vocab);
        session.encode_texts(ids.data(), lengths, 2, out.data());
    }
}

// An error is an answer, unless it says that ggclip itself is wrong.
template <typename Call>
void answer(Call && call) {
    try {
        call();
    } catch (const ggclip::error & failure) {
        if (failure.code() == ggclip::error_code::INTERNAL) finding(failure.what());
    } catch (const std::bad_alloc &) {
        // the binding makes OUT_OF_MEMORY of it; libFuzzer's own limits catch a reader that asks for too much
    }
}

inline void load_and_encode(const std::string & path) {
    for (const char * kernels : {"", "portable"}) {
        answer([&] {
            ggclip::load_options options;
            options.device = "cpu";
            options.kernels = kernels;
            encode(std::make_shared<const ggclip::weights>(ggclip::open_model(path), options));
        });
    }
    answer([&] { ggclip::inspect_model(path); });
}

}  // namespace fuzz
