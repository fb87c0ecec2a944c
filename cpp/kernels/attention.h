// Attention over ragged sequences. A task is (sequence, head, block of queries). A thread's tasks are consecutive, so
// it packs each head about once.
#pragma once

#include "kernels/attention-words.h"

GGCLIP_LEVEL_BEGIN

static size_t attention_scratch_size(int max_kv, int d_head, int nth) {
    size_t size = scratch_floats(max_kv, d_head) * sizeof(float);
#if defined(GGCLIP_WORD_ATTENTION)
    const size_t words = word_attention::scratch_size(max_kv, d_head);
    size = words > size ? words : size;
#endif
    return size * nth;
}

static void attention(const attention_args & a, int ith, int nth) {
    uint8_t * const own = static_cast<uint8_t *>(a.scratch) + ith * attention_scratch_size(a.max_kv, a.d_head, 1);
    const attention_scratch floats = scratch_of(a, own);
#if defined(GGCLIP_WORD_ATTENTION)
    const word_attention words(a, own);
#endif

    int64_t n_tasks = 0;
    for (int s = 0; s < a.n_seq; s++)
        n_tasks += (int64_t) ceil_div(a.q_offset[s + 1] - a.q_offset[s], query_block) * a.n_head;
    const int64_t begin = n_tasks * ith / nth;
    const int64_t end = n_tasks * (ith + 1) / nth;

    int64_t task = 0;
    for (int s = 0; s < a.n_seq; s++) {
        const int n_q = a.q_offset[s + 1] - a.q_offset[s];
        const int n_kv = a.keys(s);
        for (int h = 0; h < a.n_head; h++) {
            bool packed = false;
            for (int i = 0; i < n_q; i += query_block, task++) {
                if (task < begin || task >= end) continue;
                if (n_kv == 0) {
                    clear_head(a, s, h);
                    continue;
                }
                const int n = min_int(query_block, n_q - i);
#if defined(GGCLIP_WORD_ATTENTION)
                if (word_attention::takes(a, n_kv)) {
                    if (!packed) words.pack_head(s, h);
                    packed = true;
                    words.attend(s, h, i, n);
                    continue;
                }
#endif
                if (!packed) pack_head(a, s, h, floats);
                packed = true;
                attend(a, s, h, i, n, floats);
            }
        }
    }
}

GGCLIP_LEVEL_END
