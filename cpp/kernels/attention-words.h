// Attention in the words of tile-i16.h, for towers whose weights are rounded anyway: queries, keys, values and softmax
// weights have 13 bits, with one scale for each row (values: each column) and 64 inputs. Scores, softmax and sums of
// blocks are floats. Used where each query sees all keys; otherwise a later token would change an earlier one's scale.
#pragma once

#include "kernels/attention-floats.h"
#include "kernels/matmul/rows.h"

#if defined(GGCLIP_WORD_ATTENTION)
GGCLIP_LEVEL_BEGIN

// Inputs of the last block are multiplied in whole steps of the micro-kernel; zeros fill them.
static inline int last_pairs(int n_in) { return ceil_div(n_in - (word_blocks(n_in) - 1) * word_block, 16) * 8; }

// 2^x in steps of a word, for x <= 0: the polynomial (a Chebyshev fit) errs by less than a fiftieth of a step.
GGCLIP_INLINE vf word_exp2(vf x) {
    const vf at_least = max(set_f(-126.0f), x);  // this argument order keeps NaN on x86
    const vf n = round_even(at_least), r = sub(at_least, n);
    vf p = set_f(39.5837791f);
    p = fma(p, r, set_f(229.000491f));
    p = fma(p, r, set_f(983.715193f));
    p = fma(p, r, set_f(2838.33068f));
    return scale_exp2(fma(p, r, set_f(word_limit)), n);
}

class word_attention {
    static constexpr int max_blocks = 64;  // of keys
    const attention_args & a;
    const int key_blocks;  // of a query or key
    const size_t stride;   // of the scores
    uint8_t *keys, *values, *queries, *weights;
    float * scores;  // [query_block][stride]

    static size_t round_up(size_t n) { return (n + 63) / 64 * 64; }
    size_t key_panel_bytes() const { return (size_t) key_blocks * word_format::block_bytes; }
    static size_t keys_size(int max_kv, int d_head) {
        return (size_t) ceil_div(max_kv, panel_rows) * word_blocks(d_head) * word_format::block_bytes;
    }
    static size_t values_size(int max_kv, int d_head) {
        return (size_t) ceil_div(d_head, panel_rows) * word_blocks(max_kv) * word_format::block_bytes;
    }
    static size_t tokens_size(int n_in) {
        return round_up((size_t) query_block * word_blocks(n_in) * word_format::token_block_bytes);
    }

    // Rows of a panel as words, then pairs of words as a float matrix would be transposed.
    void pack_keys(const float * k, int n_rows, uint8_t * dst) const {
        alignas(64) int16_t words[panel_rows][word_block];
        for (int d0 = 0; d0 < a.d_head; d0 += word_block, dst += word_format::block_bytes) {
            const int n = min_int(word_block, a.d_head - d0);
            float * const scales = reinterpret_cast<float *>(dst);
            for (int r = 0; r < panel_rows; r++) {
                scales[r] = 0.0f;
                if (r < n_rows) scales[r] = words_of(plain_row{k + r * a.k_stride + d0}, 0, n, words[r]);
            }
            transpose_panel(reinterpret_cast<const float *>(words), word_block / 2, n_rows, word_block / 2,
                            reinterpret_cast<float *>(dst + word_format::quants_at));
        }
    }

    // Columns of a block of values: each has a scale of its own, so no row needs to be turned.
    void pack_value_lanes(const float * v, int n_rows, int n_columns, uint8_t * dst, int half) const {
        alignas(64) float rows[word_block][lanes];
        vi top = zero_i();
        for (int j = 0; j < n_rows; j++, v += a.v_stride) {
            const vf row = n_columns >= lanes ? load_f(v) : n_columns > 0 ? load_first(v, n_columns) : zero_f();
            top = max_i(top, magnitude_bits(row));
            store_f(rows[j], row);
        }
        const int n = 2 * last_pairs(n_rows);
        for (int j = n_rows; j < n; j++) store_f(rows[j], zero_f());
        const vf amax = as_float(top), least = set_f(smallest_amax);
        const vf inverse = if_less(amax, least, zero_f(), div(set_f(word_limit), amax));
        store_f(reinterpret_cast<float *>(dst) + half * lanes,
                if_less(amax, least, zero_f(), mul(amax, set_f(1.0f / word_limit))));
        uint8_t * out = dst + word_format::quants_at + half * lanes * 4;
        for (int j = 0; j < n; j += 2, out += panel_rows * 4)
            store_i(out, pair_words(to_int(mul(load_f(rows[j]), inverse)), to_int(mul(load_f(rows[j + 1]), inverse))));
    }

    // Fills a row of scores to whole vectors and finds each block's largest score: tops[block][lanes], in all lanes.
    static void find_tops(float * row, int n, float * tops) {
        const int n_whole = ceil_div(n, lanes) * lanes;
        for (int j = n; j < n_whole; j++) row[j] = -INFINITY;
        for (int begin = 0; begin < n; begin += word_block, tops += lanes) {
            vf most = load_f(row + begin);
            for (int j = begin + lanes; j < min_int(n_whole, begin + word_block); j += lanes)
                most = max(most, load_f(row + j));
            store_f(tops, max_in_all(most));
        }
    }

    // A query's softmax as the words of a tile's token t, whose scales have the division in them. Each block of keys
    // has a scale of its own: a few large weights elsewhere cost the small ones no bits.
    static void soften(const float * row, const float * tops, int n, float scale, uint8_t * dst, int height, int t) {
        const int n_blocks = word_blocks(n), n_whole = ceil_div(n, lanes) * lanes;
        vf top = load_f(tops);
        for (int b = 1; b < n_blocks; b++) top = max(top, load_f(tops + b * lanes));
        const vf power = set_f(scale * 1.44269502f);  // log2(e)
        vf sum = zero_f();
        for (int b = 0; b < n_blocks; b++, dst += height * word_format::token_block_bytes) {
            const vf block_top = load_f(tops + b * lanes), shift = mul(block_top, power);
            const vf factor = word_exp2(mul(sub(block_top, top), power));
            auto * const words = reinterpret_cast<int16_t *>(dst) + t * word_block;
            const int begin = b * word_block, end = min_int(n_whole, begin + word_block);
            vf block_sum = zero_f();
            for (int j = begin; j < end; j += lanes) {
                const vf e = word_exp2(fms(load_f(row + j), power, shift));
                block_sum = add(block_sum, e);
                store_as_i16(words + j - begin, to_int(e));
            }
            if (end < begin + word_block)
                for (int j = end - begin; j < 2 * last_pairs(n); j += lanes) store_as_i16(words + j, zero_i());
            store_first(reinterpret_cast<float *>(dst + word_format::scales_at(height)) + t, factor, 1);
            sum = fma(block_sum, factor, sum);
        }
        const float inverse = 1.0f / sum_of(sum);
        for (int b = 1; b <= n_blocks; b++)
            reinterpret_cast<float *>(dst - b * height * word_format::token_block_bytes +
                                      word_format::scales_at(height))[t] *= inverse;
    }

  public:
    static constexpr int min_keys = 64;  // with fewer, rounding costs more than words save

    static bool takes(const attention_args & a, int n_kv) {
        return a.rounds && !a.causal && n_kv >= min_keys && n_kv <= max_blocks * word_block;
    }

    static size_t scratch_size(int max_kv, int d_head) {
        return round_up(keys_size(max_kv, d_head)) + round_up(values_size(max_kv, d_head)) + tokens_size(d_head) +
               tokens_size(max_kv) + query_block * word_stride(max_kv) * sizeof(float);
    }
    static size_t word_stride(int max_kv) { return (size_t) word_blocks(max_kv) * word_block + panel_rows; }

    word_attention(const attention_args & a, uint8_t * scratch)
        : a(a), key_blocks(word_blocks(a.d_head)), stride(word_stride(a.max_kv)), keys(scratch),
          values(keys + round_up(keys_size(a.max_kv, a.d_head))),
          queries(values + round_up(values_size(a.max_kv, a.d_head))), weights(queries + tokens_size(a.d_head)),
          scores(reinterpret_cast<float *>(weights + tokens_size(a.max_kv))) {}

    void pack_head(int s, int h) const {
        const int first = a.kv_offset[s], n_kv = a.keys(s);
        const float * k = a.k + first * a.k_stride + (size_t) h * a.d_head;
        const float * v = a.v + first * a.v_stride + (size_t) h * a.d_head;
        for (int j = 0; j < n_kv; j += panel_rows)
            pack_keys(k + j * a.k_stride, min_int(panel_rows, n_kv - j), keys + j / panel_rows * key_panel_bytes());
        uint8_t * dst = values;
        for (int d = 0; d < a.d_head; d += panel_rows) {
            for (int j = 0; j < n_kv; j += word_block, dst += word_format::block_bytes) {
                for (int half = 0; half < 2; half++)
                    pack_value_lanes(v + j * a.v_stride + d + half * lanes, min_int(word_block, n_kv - j),
                                     a.d_head - d - half * lanes, dst, half);
            }
        }
    }

    // Queries i..i + n - 1 of a sequence whose head is already packed.
    void attend(int s, int h, int i, int n) const {
        const int row = a.q_offset[s] + i, n_kv = a.keys(s), n_blocks = word_blocks(n_kv);
        const tiles_of<token_tile> tiles(n);
        const float scale = a.unscaled ? 1.0f : 1.0f / sqrtf((float) a.d_head);
        const auto tile_of = [&](uint8_t * base, int blocks, int tile) {
            return base + (size_t) tiles.begin(tile) * blocks * word_format::token_block_bytes;
        };

        for (int tile = 0; tile < tiles.count; tile++) {
            for (int t = 0; t < tiles.height(tile); t++) {
                const float * q = a.q + (row + tiles.begin(tile) + t) * a.q_stride + (size_t) h * a.d_head;
                quantize_row_words(plain_row{q}, a.d_head, tile_of(queries, key_blocks, tile), tiles.height(tile), t);
            }
        }
        for (int j = 0; j < n_kv; j += panel_rows) {
            for (int tile = 0; tile < tiles.count; tile++) {
                multiply_tile(tiles.height(tile), {keys + j / panel_rows * key_panel_bytes(),
                                                   tile_of(queries, key_blocks, tile),
                                                   key_blocks,
                                                   scores + tiles.begin(tile) * stride + j,
                                                   false,
                                                   {},
                                                   stride,
                                                   last_pairs(a.d_head)});
            }
        }
        for (int tile = 0; tile < tiles.count; tile++) {
            alignas(64) float tops[token_tile][max_blocks * lanes];
            const int begin = tiles.begin(tile), height = tiles.height(tile);
            for (int t = 0; t < height; t++) {
                float * const own = scores + (begin + t) * stride;
                add_biases(a, s, h, row + begin + t, scale, own, n_kv);
                find_tops(own, n_kv, tops[t]);
            }
            for (int t = 0; t < height; t++)
                soften(scores + (begin + t) * stride, tops[t], n_kv, scale, tile_of(weights, n_blocks, tile), height,
                       t);
        }
        for (int d = 0; d < a.d_head; d += panel_rows) {
            for (int tile = 0; tile < tiles.count; tile++) {
                alignas(64) float sums[token_tile * panel_rows];
                const uint8_t * v = values + (size_t) (d / panel_rows) * n_blocks * word_format::block_bytes;
                float * dst = a.dst + (row + tiles.begin(tile)) * a.dst_stride + (size_t) h * a.d_head + d;
                const bool whole = d + panel_rows <= a.d_head;
                multiply_tile(tiles.height(tile), {v,
                                                   tile_of(weights, n_blocks, tile),
                                                   n_blocks,
                                                   whole ? dst : sums,
                                                   false,
                                                   {},
                                                   whole ? a.dst_stride : panel_rows,
                                                   last_pairs(n_kv)});
                for (int t = 0; t < tiles.height(tile) && !whole; t++)
                    memcpy(dst + t * a.dst_stride, sums + t * panel_rows, (size_t) (a.d_head - d) * sizeof(float));
            }
        }
    }
};

GGCLIP_LEVEL_END
#endif
