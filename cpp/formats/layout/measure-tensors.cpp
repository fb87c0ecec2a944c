#include "formats/layout/measure-tensors.h"

#include "engine/error.h"
#include "engine/names.h"
#include "formats/layout/limits.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

bool has_tensor(const tensor_table & table, const std::string & name) { return table.tensors.count(name) != 0; }

bool has_prefix(const tensor_table & table, const std::string & prefix) {
    const auto at = table.tensors.lower_bound(prefix);
    return at != table.tensors.end() && at->first.compare(0, prefix.size(), prefix) == 0;
}

int32_t extent_of(const tensor_table & table, const std::string & name, size_t n_dims, size_t dim, int64_t max) {
    const auto found = table.tensors.find(name);
    if (found == table.tensors.end()) {
        throw_error(error_code::TENSOR_MISSING,
                    (table.tensors.empty() ? "" : table.tensors.begin()->second.path + ": ") + "tensor " + name +
                        ": expected one of " + std::to_string(n_dims) + " dimensions, found nothing");
    }
    const raw_tensor & raw = found->second;
    if (raw.ne.size() != n_dims || raw.ne[dim] < 1 || raw.ne[dim] > max) {
        throw_error(error_code::TENSOR_SHAPE, raw.path + ": tensor " + name + ": expected " + std::to_string(n_dims) +
                                                  " dimensions, number " + std::to_string(dim) + " of 1 to " +
                                                  std::to_string(max) + ", found " + shape_text(raw.ne) +
                                                  " (fastest dimension first)");
    }
    return (int32_t) raw.ne[dim];
}

int32_t count_blocks(const tensor_table & table, const std::string & prefix) {
    int32_t n = 0;
    while (n < limits::max_layers && has_prefix(table, prefix + std::to_string(n) + ".")) n++;
    return n;
}

namespace {

// Rows of a matrix by its origin; 0 if it is absent, not a matrix, or not evenly divisible.
int64_t rows_of(const tensor_table & table, const tensor_origin & origin) {
    const auto found = table.tensors.find(origin.name);
    if (found == table.tensors.end() || found->second.ne.size() != 2) return 0;
    const int64_t rows = found->second.ne[1];
    return rows % origin.n_slices == 0 ? rows / origin.n_slices : 0;
}

void measure_tower(const tensor_table & table, const source_names & names, const hparams & hp, char which,
                   tower_hparams & tower) {
    std::vector<block_hparams> blocks((size_t) tower.n_layer);
    for (const expected_tensor & tensor : expected_tensors(hp)) {
        if (tensor.tower != which || tensor.block < 0 || strcmp(tensor.suffix, "weight") != 0) continue;
        const bool up = tensor.part == names::ffn_up;
        if (!up && tensor.part != names::attn_q) continue;
        const int64_t rows = rows_of(table, origin_of(tensor, names));
        const int64_t unit = up ? 1 : tower.d_head;
        const int64_t most = up ? tower.n_ff : (int64_t) tower.n_head * tower.d_head;
        if (rows < 1 || rows > most || rows % unit != 0)
            return;  // not pruning: the tensor is invalid and will be reported
        block_hparams & block = blocks[(size_t) tensor.block];
        (up ? block.n_ff : block.n_head) = (int32_t) (rows / unit);
    }
    const bool differ = std::any_of(blocks.begin(), blocks.end(), [&](const block_hparams & block) {
        return block.n_head != blocks[0].n_head || block.n_ff != blocks[0].n_ff;
    });
    if (differ) tower.pruned = blocks;
}

}  // namespace

void measure_pruning(const tensor_table & table, const source_names & names, hparams & hp) {
    hparams probe = hp;
    probe.n_proj = 1;  // only the blocks' shapes are needed
    if (hp.vision.present) measure_tower(table, names, probe, 'v', hp.vision);
    if (hp.text.present) measure_tower(table, names, probe, 't', hp.text);
}

void measure_bert(const tensor_table & table, const std::string & prefix, text_hparams & text) {
    const auto extent = [&](const char * name, size_t dim, int64_t max) {
        return extent_of(table, prefix + name, 2, dim, max);
    };
    text.n_embd = extent("embeddings.word_embeddings.weight", 0, limits::max_width);
    text.n_vocab = extent("embeddings.word_embeddings.weight", 1, limits::max_vocab);
    text.n_position = extent("embeddings.position_embeddings.weight", 1, limits::max_ctx);
    text.n_token_type = extent("embeddings.token_type_embeddings.weight", 1, limits::max_ctx);
    text.n_layer = std::max(1, count_blocks(table, prefix + "encoder.layer."));
    text.n_ff = extent("encoder.layer.0.intermediate.dense.weight", 1, limits::max_ff);
}

}  // namespace ggclip
