#include "formats/checkpoint-files.h"

#include "engine/error.h"
#include "formats/mapped-file.h"
#include "formats/safetensors.h"
#include "formats/torch-file.h"

#include <filesystem>

namespace ggclip {

namespace {

struct weight_name {
    const char * name;
    void (*read)(const std::string &, tensor_table &);
};

const std::vector<weight_name> HUGGING_FACE_SAFETENSORS = {{"model.safetensors", read_safetensors},
                                                           {"model.safetensors.index.json", read_safetensors_index}};
const std::vector<weight_name> OPEN_CLIP_SAFETENSORS = {
    {"open_clip_model.safetensors", read_safetensors},
    {"open_clip_model.safetensors.index.json", read_safetensors_index}};
const std::vector<weight_name> HUGGING_FACE_TORCH = {{"pytorch_model.bin", read_torch},
                                                     {"pytorch_model.bin.index.json", read_torch_index}};
const std::vector<weight_name> OPEN_CLIP_TORCH = {{"open_clip_pytorch_model.bin", read_torch},
                                                  {"open_clip_pytorch_model.bin.index.json", read_torch_index}};

}  // namespace

std::string read_folder_weights(const std::string & folder, preference library, tensor_table & table) {
    // hubs often hold one model in several forms: take the pair that belongs together, as lib/models does
    using names = const std::vector<weight_name> *;
    const names hugging_face[] = {&HUGGING_FACE_SAFETENSORS, &OPEN_CLIP_SAFETENSORS, &HUGGING_FACE_TORCH,
                                  &OPEN_CLIP_TORCH};
    const names open_clip[] = {&OPEN_CLIP_SAFETENSORS, &HUGGING_FACE_SAFETENSORS, &OPEN_CLIP_TORCH,
                               &HUGGING_FACE_TORCH};
    for (const names list : library == preference::hugging_face ? hugging_face : open_clip) {
        for (const weight_name & candidate : *list) {
            const std::string path = folder + "/" + candidate.name;
            std::error_code   code;
            if (std::filesystem::is_regular_file(std::filesystem::u8path(path), code)) {
                candidate.read(path, table);
                return path;
            }
        }
    }
    throw error(error_code::FILE_NOT_FOUND, folder +
                                                ": expected model.safetensors, open_clip_model.safetensors, "
                                                "pytorch_model.bin or open_clip_pytorch_model.bin, or the "
                                                "*.index.json of one of them, found none");
}

void read_weight_file(const std::string & path, tensor_table & table) {
    const auto file = mapped_file::open(path);
    if (is_torch_file(file->data(), file->size())) {
        read_torch(path, table);
    } else {
        read_safetensors(path, table);
    }
}

}  // namespace ggclip
