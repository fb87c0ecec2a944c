#include "engine/weights/kernel-rows.h"

#include "engine/weights/block-rows.h"

#include <cstring>
#include <vector>

namespace ggclip {

ggml_type kernel_rows_type(ggml_type type) {
    switch (type) {
        case GGML_TYPE_F32:
        case GGML_TYPE_F16:
        case GGML_TYPE_BF16:
        case GGML_TYPE_Q8_0:
        case GGML_TYPE_Q5_0:
        case GGML_TYPE_Q5_1:
        case GGML_TYPE_Q4_0:
        case GGML_TYPE_Q4_1: return type;
        case GGML_TYPE_Q4_K: return GGML_TYPE_Q4_1;
        case GGML_TYPE_Q5_K: return GGML_TYPE_Q5_1;
        default: return GGML_TYPE_Q8_0;
    }
}

kernels::weight_type kernel_type(ggml_type type) {
    switch (kernel_rows_type(type)) {
        case GGML_TYPE_F32: return kernels::weight_type::f32;
        case GGML_TYPE_F16: return kernels::weight_type::f16;
        case GGML_TYPE_BF16: return kernels::weight_type::bf16;
        case GGML_TYPE_Q5_0: return kernels::weight_type::q5_0;
        case GGML_TYPE_Q5_1: return kernels::weight_type::q5_1;
        case GGML_TYPE_Q4_0: return kernels::weight_type::q4_0;
        case GGML_TYPE_Q4_1: return kernels::weight_type::q4_1;
        default: return kernels::weight_type::q8_0;
    }
}

// q4_K and q5_K: 256 values, eight parts of 32, each with a scale and a minimum of 6 bits. Four times 32 bytes hold two
// parts each, in their low and high halves; of q5_K, bit p of byte j of the high bits belongs to value j of part p.
//   f16 d, f16 min, 12 bytes of scales, (q5_K: 32 bytes of high bits,) 128 bytes of nibbles
//   w = d * scale * q - min * minimum
class k_block {
    const uint8_t * const block_;
    const bool five_;

    const uint8_t * scales() const { return block_ + 4; }
    const uint8_t * high_bits() const { return block_ + 16; }
    const uint8_t * nibbles() const { return block_ + (five_ ? 48 : 16); }
    float f16_at(int at) const {
        ggml_fp16_t bits;
        memcpy(&bits, block_ + at, sizeof(bits));
        return ggml_fp16_to_fp32(bits);
    }

    // The first four parts have the low 6 bits of bytes 0 to 3 (minimums: 4 to 7), the others a half of bytes 8 to 11
    // below the top two bits of the former.
    float scale(int part) const {
        const uint8_t * const s = scales();
        const int bits = part < 4 ? s[part] & 63 : (s[part + 4] & 15) | (s[part - 4] >> 6) << 4;
        return f16_at(0) * (float) bits;
    }
    float minimum(int part) const {
        const uint8_t * const s = scales();
        const int bits = part < 4 ? s[part + 4] & 63 : s[part + 4] >> 4 | (s[part] >> 6) << 4;
        return -f16_at(2) * (float) bits;
    }
    uint8_t low_bits(int part, int j) const { return nibbles()[part / 2 * 32 + j] >> (part % 2 ? 4 : 0) & 15; }

  public:
    static constexpr int n_parts = 8;

    k_block(const uint8_t * block, bool five) : block_(block), five_(five) {}

    // As q4_1 or q5_1: f16 d, f16 m, (q5_1: 32 high bits,) 16 bytes of nibbles, of values j and j + 16.
    void write_part(int part, uint8_t * dst) const {
        const ggml_fp16_t head[2] = {ggml_fp32_to_fp16(scale(part)), ggml_fp32_to_fp16(minimum(part))};
        memcpy(dst, head, sizeof(head));
        dst += sizeof(head);
        if (five_) {
            uint32_t high = 0;
            for (int j = 0; j < 32; j++) high |= (uint32_t) (high_bits()[j] >> part & 1) << j;
            memcpy(dst, &high, sizeof(high));
            dst += sizeof(high);
        }
        for (int j = 0; j < 16; j++) dst[j] = (uint8_t) (low_bits(part, j) | low_bits(part, j + 16) << 4);
    }
};

void to_kernel_rows(ggml_type type, const void * row, int64_t n, void * dst) {
    const ggml_type to = kernel_rows_type(type);
    if (type != GGML_TYPE_Q4_K && type != GGML_TYPE_Q5_K) {
        std::vector<float> values((size_t) whole_blocks(type, n));
        ggml_get_type_traits(type)->to_float(row, values.data(), (int64_t) values.size());
        ggml_quantize_chunk(to, values.data(), dst, 0, 1, n, nullptr);
        return;
    }
    const bool five = type == GGML_TYPE_Q5_K;
    const auto * block = static_cast<const uint8_t *>(row);
    auto * out = static_cast<uint8_t *>(dst);
    for (int64_t part = 0; part < n / 32; part++, out += ggml_type_size(to)) {
        const k_block from(block + part / k_block::n_parts * (int64_t) ggml_type_size(type), five);
        from.write_part((int) (part % k_block::n_parts), out);
    }
}

}  // namespace ggclip
