// Integer dot products with NEON i8mm: smmla multiplies 2 tokens by 2 rows over 8 inputs (signed bytes) and adds the 4
// results to a 2 x 2 sum: twice the products of sdot.
#pragma once

#include "kernels/matmul/blocks.h"
#include "kernels/matmul/dots/dot-neon-bytes.h"

GGCLIP_LEVEL_BEGIN

struct dot_bytes : dot_signed_bytes {
    static constexpr int group = 8;  // consecutive inputs of one row in a weight vector, which has 2 rows

    static GGCLIP_INLINE_MEMBER vi step(vi sum, vi w, vi a) {
        return vmmlaq_s32(sum, vreinterpretq_s8_s32(a), vreinterpretq_s8_s32(w));
    }

    // Like dot-lanes.h, for pairs of tokens; with an odd number, the last is paired with itself.
    template <int T>
    static GGCLIP_INLINE_MEMBER void add_products(const uint8_t * w, const uint8_t * a, int token_bytes,
                                                  vi (&sum)[T][2]) {
        constexpr int n_pairs = (T + 1) / 2, row_pairs = panel_rows / 2;
        vi pairs[n_pairs][row_pairs];  // lanes: first token with first row, with second row; second token with both
        GGCLIP_UNROLL
        for (int p = 0; p < n_pairs; p++) {
            GGCLIP_UNROLL
            for (int r = 0; r < row_pairs; r++) pairs[p][r] = zero_i();
        }
        GGCLIP_UNROLL
        for (int g = 0; g < block_size / group; g++) {
            GGCLIP_UNROLL
            for (int p = 0; p < n_pairs; p++) {
                const uint8_t * first = a + 2 * p * token_bytes + g * group;
                const uint8_t * second = 2 * p + 1 < T ? first + token_bytes : first;
                const vi tokens = vreinterpretq_s32_u8(vcombine_u8(vld1_u8(first), vld1_u8(second)));
                GGCLIP_UNROLL
                for (int r = 0; r < row_pairs; r++)
                    pairs[p][r] = step(pairs[p][r], load_bytes(w + (g * row_pairs + r) * 2 * group), tokens);
            }
        }
        GGCLIP_UNROLL
        for (int t = 0; t < T; t++) {
            const vi(&s)[row_pairs] = pairs[t / 2];
            sum[t][0] = add_i(sum[t][0], t % 2 ? high_halves(s[0], s[1]) : low_halves(s[0], s[1]));
            sum[t][1] = add_i(sum[t][1], t % 2 ? high_halves(s[2], s[3]) : low_halves(s[2], s[3]));
        }
    }

    // Like dot-lanes.h; here a row's two groups of 4 inputs form one group of 8.
    static GGCLIP_INLINE_MEMBER void store_groups(uint8_t * block, int pair, int half, vi first, vi second) {
        uint8_t * const rows = block + (2 * pair + half) * lanes * group;
        store_i(rows, vzip1q_s32(first, second));
        store_i(rows + 16, vzip2q_s32(first, second));
    }

  private:
    static GGCLIP_INLINE_MEMBER vi low_halves(vi a, vi b) { return vcombine_s32(vget_low_s32(a), vget_low_s32(b)); }
    static GGCLIP_INLINE_MEMBER vi high_halves(vi a, vi b) { return vcombine_s32(vget_high_s32(a), vget_high_s32(b)); }
};

template <weight_type W>
struct dot_of {
    using type = dot_bytes;
};
using row_dot = dot_bytes;

GGCLIP_LEVEL_END
