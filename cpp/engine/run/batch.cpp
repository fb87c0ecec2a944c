#include "engine/run/batch.h"

#include "engine/graph/positions/distance-bias.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

// The rows of a batch and, for the portable attention, their positions after padding.
sequences make_sequences(ggml_context * ctx, const batch & batch, bool means, bool portable) {
    sequences seqs;
    seqs.n_seq = (int) batch.lengths.size();
    seqs.causal = batch.causal;
    seqs.max_alibi_bias = batch.max_alibi_bias;
    seqs.n_key = batch.n_key;
    seqs.offset.assign(1, 0);
    for (int32_t length : batch.lengths) {
        seqs.max_length = std::max(seqs.max_length, (int) length);
        seqs.offset.push_back(seqs.offset.back() + length);
    }
    seqs.n_token = seqs.offset.back();
    seqs.uniform =
        std::all_of(batch.lengths.begin(), batch.lengths.end(), [&](int32_t n) { return n == seqs.max_length; });
    if (!portable) return seqs;

    const auto input = [&](ggml_tensor * t) {
        ggml_set_input(t);
        return t;
    };
    const bool alibi = batch.max_alibi_bias > 0;
    if (batch.causal || alibi) {
        const int64_t n = seqs.max_length;
        seqs.mask = input(ggml_new_tensor_4d(ctx, GGML_TYPE_F32, n, n, 1, alibi ? seqs.n_seq : 1));
    }
    const int64_t n_pair = (int64_t) seqs.max_length * seqs.max_length * seqs.n_seq;
    if (batch.n_bucket > 0) seqs.buckets = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, n_pair));
    if (means) seqs.mean_weights = input(ggml_new_tensor_3d(ctx, GGML_TYPE_F32, seqs.max_length, 1, seqs.n_seq));
    if (!seqs.uniform || !seqs.n_key.empty())
        seqs.key_mask = input(ggml_new_tensor_4d(ctx, GGML_TYPE_F32, seqs.max_length, 1, 1, seqs.n_seq));
    if (!seqs.uniform) {
        seqs.pad = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, (int64_t) seqs.max_length * seqs.n_seq));
        seqs.unpad = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, seqs.n_token));
        if (batch.skip > 0) seqs.join = input(ggml_new_tensor_1d(ctx, GGML_TYPE_I32, seqs.n_token));
    }
    return seqs;
}

void set_input(ggml_tensor * t, const void * data) {
    // an input that no operation reads (the mask of a graph with one token) has no memory
    if (t && t->buffer) ggml_backend_tensor_set(t, data, 0, ggml_nbytes(t));
}

// What is added to the scores of a sequence of `length` tokens, some of which may only fill it up: the negative
// distance, 0 without positions, and -inf for later keys.
static void append_mask(const int32_t * positions, int n, int length, bool causal, std::vector<float> & mask) {
    for (int q = 0; q < length; q++) {
        for (int k = 0; k < length; k++) {
            const bool placed = positions && q < n && k < n;
            mask.push_back(causal && k > q ? -INFINITY
                           : placed        ? -std::fabs((float) (positions[q] - positions[k]))
                                           : 0);
        }
    }
}

// Of each sequence's queries and keys; what fills a sequence up is hidden by masks.
static std::vector<int32_t> buckets_of(const sequences & seqs, const batch & batch,
                                       const std::vector<int32_t> & positions) {
    std::vector<int32_t> out;
    for (int s = 0; s < seqs.n_seq; s++) {
        const int32_t * own = positions.data() + seqs.offset[(size_t) s];
        const int n = seqs.offset[(size_t) s + 1] - seqs.offset[(size_t) s];
        for (int q = 0; q < seqs.max_length; q++)
            for (int k = 0; k < seqs.max_length; k++)
                out.push_back(q < n && k < n ? position_bucket(own[k] - own[q], batch.n_bucket, batch.bucket_distance)
                                             : 0);
    }
    return out;
}

// Masks and index lists derived from the lengths and positions.
void set_sequence_inputs(const sequences & seqs, const batch & batch, const std::vector<int32_t> & positions) {
    const int length = seqs.max_length, skip = batch.skip;
    if (seqs.buckets) set_input(seqs.buckets, buckets_of(seqs, batch, positions).data());
    std::vector<float> mask;
    if (seqs.mask) {
        const bool alibi = seqs.max_alibi_bias > 0;
        for (int s = 0; s < (alibi ? seqs.n_seq : 1); s++) {
            const int first = seqs.offset[s], n = seqs.offset[s + 1] - first;
            append_mask(alibi ? positions.data() + first : nullptr, n, length, seqs.causal, mask);
        }
        set_input(seqs.mask, mask.data());
    }
    if (seqs.mean_weights) {
        mask.assign((size_t) length * (size_t) seqs.n_seq, 0.0f);
        for (int s = 0; s < seqs.n_seq; s++) {
            float * row = mask.data() + (size_t) s * length;
            std::fill(row + skip, row + seqs.n_real(s), 1.0f / (float) (seqs.n_real(s) - skip));
        }
        set_input(seqs.mean_weights, mask.data());
    }
    if (seqs.key_mask) {
        mask.assign((size_t) length * (size_t) seqs.n_seq, -INFINITY);
        for (int s = 0; s < seqs.n_seq; s++) std::fill_n(mask.begin() + (size_t) s * length, seqs.n_real(s), 0.0f);
        set_input(seqs.key_mask, mask.data());
    }
    if (seqs.uniform || !seqs.pad) return;
    std::vector<int32_t> pad((size_t) length * (size_t) seqs.n_seq), unpad;
    for (int s = 0; s < seqs.n_seq; s++) {
        const int n = seqs.offset[s + 1] - seqs.offset[s];
        for (int i = 0; i < length; i++) {
            const size_t at = (size_t) s * length + i;
            pad[at] = seqs.offset[s] + std::min(i, n - 1);
            if (i < n) unpad.push_back((int32_t) at);
        }
    }
    set_input(seqs.pad, pad.data());
    set_input(seqs.unpad, unpad.data());
    if (!seqs.join) return;
    std::vector<int32_t> join;
    for (int s = 0; s < seqs.n_seq; s++)
        for (int t = seqs.offset[s]; t < seqs.offset[s + 1]; t++)
            join.push_back(t - seqs.offset[s] < skip ? t - seqs.offset[s] : t - s * skip);
    set_input(seqs.join, join.data());
}

}  // namespace ggclip
