#include "engine/run/batch.h"

#include <algorithm>
#include <cmath>

namespace ggclip {

// The rows of a batch and, for the portable attention, their positions after padding.
sequences make_sequences(ggml_context * ctx, const batch & batch, bool means, bool portable) {
    sequences seqs;
    seqs.n_seq = (int) batch.lengths.size();
    seqs.causal = batch.causal;
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
    if (batch.causal) seqs.mask = input(ggml_new_tensor_2d(ctx, GGML_TYPE_F32, seqs.max_length, seqs.max_length));
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

// Masks and index lists derived from the lengths alone.
void set_sequence_inputs(const sequences & seqs, int skip) {
    const int length = seqs.max_length;
    std::vector<float> mask;
    if (seqs.mask) {
        mask.assign((size_t) length * (size_t) length, 0.0f);
        for (int q = 0; q < length; q++)
            std::fill(mask.begin() + (size_t) q * length + q + 1, mask.begin() + (size_t) (q + 1) * length, -INFINITY);
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
