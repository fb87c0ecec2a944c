#include "formats/containers/checkpoint-files.h"

#include "engine/error.h"
#include "formats/containers/torch/torch-file.h"

#include <filesystem>

namespace ggclip {

namespace {

struct weight_name {
    const char * name;  // of a single file; of shards with ".index.json" behind it
    weight_reader read;
};

const weight_name hugging_face[] = {{"model.safetensors", read_safetensors},
                                    {"model.fp16.safetensors", read_safetensors},
                                    {"open_clip_model.safetensors", read_safetensors},
                                    {"pytorch_model.bin", read_torch},
                                    {"pytorch_model.fp16.bin", read_torch},
                                    {"open_clip_pytorch_model.bin", read_torch}};
const weight_name open_clip[] = {{"open_clip_model.safetensors", read_safetensors},
                                 {"model.safetensors", read_safetensors},
                                 {"model.fp16.safetensors", read_safetensors},
                                 {"open_clip_pytorch_model.bin", read_torch},
                                 {"pytorch_model.bin", read_torch},
                                 {"pytorch_model.fp16.bin", read_torch}};

}  // namespace

std::string read_folder_weights(const std::string & folder, preference library, const read_options & options,
                                tensor_table & table) {
    // hubs often hold one model in several forms: take the pair that belongs together, as lib/models does
    for (const weight_name & candidate : library == preference::hugging_face ? hugging_face : open_clip) {
        const std::string path = folder + "/" + candidate.name, index = path + ".index.json";
        std::error_code code;
        if (std::filesystem::is_regular_file(std::filesystem::u8path(path), code)) {
            candidate.read(model_file::open(path, options.cancelled), table);
            strip_wrappers(table);
            return path;
        }
        if (std::filesystem::is_regular_file(std::filesystem::u8path(index), code)) {
            read_shards(index, options, table, candidate.read);
            strip_wrappers(table);
            return index;
        }
    }
    throw_error(error_code::FILE_NOT_FOUND, folder +
                                                ": expected model.safetensors, open_clip_model.safetensors, "
                                                "pytorch_model.bin or open_clip_pytorch_model.bin, or the "
                                                "*.index.json of one of them, found none");
}

void read_weight_file(std::shared_ptr<const model_file> file, tensor_table & table) {
    (is_torch_file(file->head(torch_head)) ? read_torch : read_safetensors)(std::move(file), table);
    strip_wrappers(table);
}

}  // namespace ggclip
