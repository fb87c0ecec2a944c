#include "engine/weights/type-policy.h"

namespace ggclip {

bool parse_weight_type(const std::string & name, ggml_type * type) {
    static const ggml_type types[] = {GGML_TYPE_F32,  GGML_TYPE_F16,  GGML_TYPE_BF16, GGML_TYPE_Q8_0,
                                      GGML_TYPE_Q5_0, GGML_TYPE_Q5_1, GGML_TYPE_Q4_0, GGML_TYPE_Q4_1,
                                      GGML_TYPE_Q6_K, GGML_TYPE_Q5_K, GGML_TYPE_Q4_K, GGML_TYPE_IQ4_NL};
    for (ggml_type candidate : types) {
        std::string lower = ggml_type_name(candidate);  // "q6_K"
        for (char & c : lower) c = c == 'K' ? 'k' : c;
        if (name == lower || name == ggml_type_name(candidate)) {
            *type = candidate;
            return true;
        }
    }
    return false;
}

// The next best type with blocks of 32, for rows that do not fill K-quant blocks of 256.
static ggml_type smaller_blocks(ggml_type type) {
    switch (type) {
        case GGML_TYPE_Q6_K: return GGML_TYPE_Q8_0;
        case GGML_TYPE_Q5_K: return GGML_TYPE_Q5_1;
        case GGML_TYPE_Q4_K: return GGML_TYPE_Q5_0;
        case GGML_TYPE_Q2_K:
        case GGML_TYPE_Q3_K:
        case GGML_TYPE_IQ4_XS: return GGML_TYPE_IQ4_NL;
        default: return type;
    }
}

ggml_type weight_type_for(const source_tensor & tensor, ggml_type wanted) {
    switch (tensor.role) {
        case tensor_role::vector:
        case tensor_role::f32_table: return GGML_TYPE_F32;
        case tensor_role::patches:
            if (!ggml_is_quantized(wanted)) return wanted;
            return tensor.type == GGML_TYPE_BF16 ? GGML_TYPE_BF16 : GGML_TYPE_F16;
        case tensor_role::matrix:
        case tensor_role::table: break;
    }
    if (tensor.ne[0] % ggml_blck_size(wanted) != 0) wanted = smaller_blocks(wanted);
    if (tensor.ne[0] % ggml_blck_size(wanted) == 0) return wanted;
    return tensor.role == tensor_role::matrix ? wanted : GGML_TYPE_F16;  // zeros fill the rows of a matrix
}

}  // namespace ggclip
