#include "formats/families/openai-shapes.h"

#include "engine/error.h"
#include "formats/families/conv/towers.h"
#include "formats/layout/limits.h"

#include <cmath>

namespace ggclip {

namespace {

const field_names shape_names = {"visual.positional_embedding", "visual.conv1.weight", "visual.conv1.weight",
                                 "visual.conv1.weight",         "ln_final.weight",     "ln_final.weight",
                                 "visual.conv1.weight",         "visual.conv1.weight"};

constexpr int64_t head_size = 64;  // every head of OpenAI's models

class shape_reader {
  public:
    shape_reader(const tensor_table & table, const std::string & path) : table_(table), path_(path) {}

    // Dimension `i` of a tensor with `n_dims`, in ggml's order.
    int64_t dim(const char * name, size_t n_dims, size_t i, int64_t max) const {
        const auto found = table_.tensors.find(name);
        if (found == table_.tensors.end()) {
            throw_error(error_code::TENSOR_MISSING,
                        path_ + ": tensor " + name + ": expected in a checkpoint of OpenAI, found nothing");
        }
        const std::vector<int64_t> & ne = found->second.ne;
        if (ne.size() != n_dims || ne[i] < 1 || ne[i] > max) {
            throw_error(error_code::TENSOR_SHAPE, path_ + ": tensor " + name + ": expected " + std::to_string(n_dims) +
                                                      " dimensions of at most " + std::to_string(max) + ", found " +
                                                      shape_text(ne));
        }
        return ne[i];
    }

    int32_t blocks(const std::string & prefix) const {
        int32_t n = 0;
        while (n < limits::max_layers &&
               table_.tensors.count(prefix + "transformer.resblocks." + std::to_string(n) + ".ln_1.weight") > 0)
            n++;
        if (n == 0) {
            throw_error(error_code::TENSOR_MISSING,
                        path_ + ": tensor " + prefix + "transformer.resblocks.0.ln_1.weight: expected, found nothing");
        }
        return n;
    }

  private:
    const tensor_table & table_;
    const std::string & path_;
};

void fill(tower_hparams & tower, int64_t width, int64_t n_ff, int32_t n_layer) {
    tower.present = true;
    tower.n_embd = (int32_t) width;
    tower.n_layer = n_layer;
    tower.n_head = (int32_t) (width / head_size);
    tower.n_ff = (int32_t) n_ff;
    tower.eps = 1e-5f;
    tower.act = activation::quick_gelu;
}

// Side of the square grid that a position table is for, with the class token or the mean before it.
int32_t grid_of(const shape_reader & shapes, const std::string & path, const char * positions) {
    const int64_t n_token = shapes.dim(positions, 2, 1, limits::max_tokens);
    const int64_t grid = std::llround(std::sqrt((double) (n_token - 1)));
    if (grid >= 1 && grid * grid + 1 == n_token) return (int32_t) grid;
    throw_error(error_code::TENSOR_SHAPE, path + ": tensor " + positions +
                                              ": expected a square number of patches and one token before them, "
                                              "found " +
                                              std::to_string(n_token));
}

// RN50 and others: five halvings from the pixels to the pooled map.
void read_resnet(const shape_reader & shapes, const tensor_table & table, const std::string & path,
                 vision_hparams & vision, source_names & names) {
    vision.present = true;
    const int32_t grid = grid_of(shapes, path, "visual.attnpool.positional_embedding");
    read_modified_resnet(table, grid * 32, head_size, vision, names);
}

void read_transformer(const shape_reader & shapes, const std::string & path, hparams & hp) {
    const int64_t width = shapes.dim("visual.conv1.weight", 4, 3, limits::max_width);
    fill(hp.vision, width, shapes.dim("visual.transformer.resblocks.0.mlp.c_fc.weight", 2, 1, limits::max_ff),
         shapes.blocks("visual."));
    hp.vision.patch_size = (int32_t) shapes.dim("visual.conv1.weight", 4, 0, limits::max_patch);
    hp.vision.image_size = grid_of(shapes, path, "visual.positional_embedding") * hp.vision.patch_size;
}

void read_text(const shape_reader & shapes, text_hparams & text) {
    const int64_t width = shapes.dim("ln_final.weight", 1, 0, limits::max_width);
    fill(text, width, shapes.dim("transformer.resblocks.0.mlp.c_fc.weight", 2, 1, limits::max_ff), shapes.blocks(""));
    text.n_ctx = (int32_t) shapes.dim("positional_embedding", 2, 1, limits::max_ctx);
    text.n_vocab = (int32_t) shapes.dim("token_embedding.weight", 2, 1, limits::max_vocab);
    text.pool = pooling::eot;
    text.eos_id = -1;  // argmax of the ids
    text.pad_id = 0;
    text.cleaning = text_cleaning::open_clip;
}

}  // namespace

bool is_openai_checkpoint(const tensor_table & table) {
    const bool counters = table.tensors.count("input_resolution") && table.tensors.count("context_length") &&
                          table.tensors.count("vocab_size");
    return counters || table.is_script;
}

hparams read_openai_shapes(const tensor_table & table, const read_options & options, const std::string & path,
                           source_names & names) {
    const shape_reader shapes(table, path);
    hparams hp;
    hp.family = "clip";
    names = source_names(name_scheme::open_clip);
    if (options.want_vision) {
        if (table.tensors.count("visual.layer1.0.conv1.weight") > 0) read_resnet(shapes, table, path, hp.vision, names);
        else read_transformer(shapes, path, hp);
        hp.image.resize = hp.image.crop = hp.vision.image_size;
        hp.image.rounding = crop_rounding::half_even;  // torchvision's CenterCrop
    }
    if (options.want_text) read_text(shapes, hp.text);
    check_hparams(hp, path, shape_names);
    return hp;
}

}  // namespace ggclip
