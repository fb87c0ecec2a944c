#include "formats/write/quant-policy.h"

#include <cstdio>

namespace ggclip {

namespace {

// The next type with about one bit more a weight.
ggml_type one_better(ggml_type type) {
    switch (type) {
        case GGML_TYPE_Q4_0: return GGML_TYPE_Q5_0;
        case GGML_TYPE_Q4_1:
        case GGML_TYPE_IQ4_NL: return GGML_TYPE_Q5_1;
        case GGML_TYPE_Q4_K: return GGML_TYPE_Q5_K;
        case GGML_TYPE_Q5_K: return GGML_TYPE_Q6_K;
        default: return GGML_TYPE_Q8_0;
    }
}

bool is_below_8_bits(ggml_type type) { return ggml_is_quantized(type) && type != GGML_TYPE_Q8_0; }

bool contains(const std::string & text, const char * part) { return text.find(part) != std::string::npos; }

// Number of the block or convolutional layer that a tensor belongs to, or -1.
int block_of(const std::string & name) {
    char tower = 0;
    int block = -1;
    const bool within = sscanf(name.c_str(), "%c.blk.%d.", &tower, &block) == 2 ||
                        sscanf(name.c_str(), "%c.layer.%d.", &tower, &block) == 2;
    return within ? block : -1;
}

}  // namespace

ggml_type mixed_type(const source_tensor & tensor, ggml_type wanted) {
    if (!is_below_8_bits(wanted)) return wanted;
    // measured in docs/quantization.md: these buy the most accuracy for their bytes
    const std::string & name = tensor.name;
    const int block = block_of(name);
    if (block < 0) {
        return tensor.role == tensor_role::table ? one_better(wanted)
                                                 : GGML_TYPE_Q8_0;  // q8_0: projections, pooling heads
    }
    const bool sensitive = block == 0 || contains(name, ".attn_v.") || contains(name, ".attn_out.");
    return sensitive ? one_better(wanted) : wanted;
}

}  // namespace ggclip
