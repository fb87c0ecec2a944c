#include "formats/layout/merged-adapters.h"

#include "engine/error.h"
#include "formats/layout/bind-tensors.h"
#include "formats/layout/computed-rows.h"
#include "formats/layout/measure-tensors.h"

#include <cstring>

namespace ggclip {

namespace {

const std::string original = ".parametrizations.weight.original", first_factor = ".parametrizations.weight.0.lora_A",
                  second_factor = ".parametrizations.weight.0.lora_B";

// A matrix [n_row][n_column] and a product to add to it.
struct merged_matrix {
    raw_tensor matrix;
    raw_tensor left, right;  // [n_row][rank] and [rank][n_column] of each task, one after another
    int64_t n_row, rank;
    int task;
    double scale;
};

class merged_rows final : public row_source {
  public:
    merged_rows(const merged_matrix & merged, int64_t n_column) : row_source(n_column), merged_(merged) {}

  private:
    std::vector<float> rows(int64_t first, int64_t n) const override {
        const merged_matrix & m = merged_;
        std::vector<float> out = values_of(m.matrix, first * n_, n * n_);
        if (m.task < 0) return out;
        const int64_t rank = m.rank;
        const std::vector<float> left = values_of(m.left, (m.task * m.n_row + first) * rank, n * rank),
                                 right = values_of(m.right, m.task * rank * n_, rank * n_);
        for (int64_t row = 0; row < n; row++) {
            for (int64_t column = 0; column < n_; column++) {
                double sum = 0;
                for (int64_t r = 0; r < rank; r++)
                    sum += (double) left[(size_t) (row * rank + r)] * right[(size_t) (r * n_ + column)];
                float & value = out[(size_t) (row * n_ + column)];
                value = (float) (value + m.scale * sum);
            }
        }
        return out;
    }

    merged_matrix merged_;
};

raw_tensor find(const tensor_table & table, const std::string & name, const std::vector<int64_t> & ne) {
    const auto found = table.tensors.find(name);
    if (found == table.tensors.end()) {
        throw_error(error_code::TENSOR_MISSING, table.tensors.begin()->second.path + ": tensor " + name +
                                                    ": expected " + shape_text(ne) + ", found nothing");
    }
    const raw_tensor & raw = found->second;
    if (raw.ne != ne) {
        throw_error(error_code::TENSOR_SHAPE, raw.path + ": tensor " + name + ": expected " + shape_text(ne) +
                                                  ", found " + shape_text(raw.ne) + " (fastest dimension first)");
    }
    if (!is_float_type(raw.type)) {
        throw_error(error_code::TENSOR_TYPE,
                    raw.path + ": tensor " + name + ": expected f32, f16 or bf16, found " + raw.dtype);
    }
    return raw;
}

raw_tensor merge(const tensor_table & table, const std::string & module, const adapter_choice & choice) {
    const raw_tensor & matrix = table.tensors.at(module + original);
    if (matrix.ne.size() != 2 || matrix.ne[0] < 1 || matrix.ne[1] < 1) {
        throw_error(error_code::TENSOR_SHAPE, matrix.path + ": tensor " + module + original +
                                                  ": expected a matrix, found " + shape_text(matrix.ne));
    }
    const int64_t n_column = matrix.ne[0], n_row = matrix.ne[1], rank = choice.rank, n_task = choice.n_task;
    const bool rows_first = ends_with(module, "_embeddings");  // A's; otherwise B's
    merged_matrix merged;
    merged.matrix = find(table, module + original, matrix.ne);
    merged.left = find(table, module + (rows_first ? first_factor : second_factor), {rank, n_row, n_task});
    merged.right = find(table, module + (rows_first ? second_factor : first_factor), {n_column, rank, n_task});
    merged.n_row = n_row;
    merged.rank = rank;
    merged.task = choice.task;
    merged.scale = choice.scale;
    raw_tensor out = computed(std::make_shared<merged_rows>(merged, n_column), matrix.ne, matrix.path);
    out.file_name = module + original;
    return out;
}

}  // namespace

bool has_adapters(const tensor_table & table, const std::string & prefix) {
    for (auto at = table.tensors.lower_bound(prefix); at != table.tensors.end() && begins_with(at->first, prefix); ++at)
        if (at->first.find(".parametrizations.") != std::string::npos) return true;
    return false;
}

tensor_table with_merged_adapters(const tensor_table & table, const std::string & prefix,
                                  const adapter_choice & choice) {
    tensor_table out = table;
    out.tensors.clear();
    for (const auto & [name, tensor] : table.tensors) {
        if (begins_with(name, prefix) && ends_with(name, original)) {
            const std::string module = name.substr(0, name.size() - original.size()), weight = module + ".weight";
            if (has_tensor(table, weight)) {
                throw_error(error_code::TENSOR_DUPLICATE,
                            tensor.path + ": tensor " + weight + ": expected it or " + name + ", found both");
            }
            out.tensors[weight] = merge(table, module, choice);
            continue;
        }
        const bool factor = ends_with(name, first_factor) || ends_with(name, second_factor);
        const bool used = factor && has_tensor(table, name.substr(0, name.size() - first_factor.size()) + original);
        if (!begins_with(name, prefix) || !used) out.tensors[name] = tensor;
    }
    return out;
}

}  // namespace ggclip
