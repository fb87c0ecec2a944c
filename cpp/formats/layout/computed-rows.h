// Tensors of floats that are computed from others when they are read.
#pragma once

#include "formats/containers/raw-tensor.h"

#include <memory>
#include <string>
#include <vector>

namespace ggclip {

// Values first .. first + n - 1 of a tensor of f32, f16 or bf16.
std::vector<float> values_of(const raw_tensor & raw, int64_t first, int64_t n);
std::vector<float> values_of(const raw_tensor & raw);

// Rows of n floats.
class row_source : public byte_source {
  public:
    explicit row_source(int64_t n) : n_(n) {}
    void read(uint64_t offset, size_t n_bytes, void * dst) const override;

  protected:
    virtual std::vector<float> rows(int64_t first, int64_t n) const = 0;
    const int64_t n_;  // floats of a row
};

// A tensor of f32 whose values `source` computes; `path`: the file that they follow from, for messages.
raw_tensor computed(std::shared_ptr<const byte_source> source, std::vector<int64_t> ne, const std::string & path);

}  // namespace ggclip
