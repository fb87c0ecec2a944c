#include "engine/run/text-rows.h"

#include "engine/error.h"

namespace ggclip {

// Index of the token whose state becomes the embedding.
static int pooled_position(const text_hparams & hp, const int32_t * ids, int n) {
    if (hp.pool == pooling::cls || hp.pool == pooling::mean) return 0;
    if (hp.pool == pooling::last) return n - 1;
    // First end-of-text token; position 0 if there is none, like argmax in transformers' CLIPTextTransformer. eos_id <
    // 0: first occurrence of the highest id, as in openai/CLIP.
    int best = 0;
    for (int i = 0; i < n; i++) {
        if (hp.eos_id >= 0 && ids[i] == hp.eos_id) return i;
        if (hp.eos_id < 0 && ids[i] > ids[best]) best = i;
    }
    return best;
}

static int real_length(const text_hparams & hp, const int32_t * ids, int n) {
    while (n > 1 && ids[n - 1] == hp.pad_id) n--;
    return n;
}

void text_rows::append(const text_hparams & hp, const int32_t * ids, int n, bool all) {
    shape.causal = hp.causal;
    shape.max_alibi_bias = hp.max_alibi_bias;
    shape.n_bucket = hp.n_bucket;
    shape.bucket_distance = hp.bucket_distance;
    const size_t begin = tokens.size();
    if (hp.has_class_embd) append_with_class(hp, ids, n, all);
    else append_text(hp, ids, n, all);
    shape.lengths.push_back((int32_t) (tokens.size() - begin));
}

void text_rows::append_text(const text_hparams & hp, const int32_t * ids, int n, bool all) {
    const bool masks_padding = !hp.causal && !hp.sees_padding;
    const int at = pooled_position(hp, ids, n);
    // with a causal mask, later tokens cannot affect the pooled one, but mixers look at both sides
    const int last = hp.causal && hp.mixer_kernel == 0 && !all ? at : n - 1;
    int32_t place = hp.position_offset;
    pooled.push_back((int32_t) tokens.size());
    for (int i = 0; i <= last; i++) {
        const bool padding = ids[i] == hp.pad_id;
        // RoBERTa counts only real tokens and gives padding the position before the first
        const int32_t position = hp.position_offset > 0 && padding ? hp.position_offset - 1 : place;
        if (hp.position_offset == 0 || !padding) place++;
        if (i == at) pooled.back() = (int32_t) tokens.size();
        if (masks_padding && !all && padding && i != at) continue;
        tokens.push_back(ids[i]);
        positions.push_back(position);
    }
    if (masks_padding && all) shape.n_key.push_back(real_length(hp, ids, n));
}

// The text fills up with padding to n_ctx tokens, and the class token follows. A token is hidden from all queries, its
// own too, if the one before it is padding; hidden tokens are computed only for their states.
void text_rows::append_with_class(const text_hparams & hp, const int32_t * ids, int n, bool all) {
    const auto id = [&](int i) { return i < n ? ids[i] : hp.pad_id; };
    const auto hidden = [&](int i) { return i > 0 && id(i - 1) == hp.pad_id; };
    int32_t n_seen = 0, n_row = 0;
    bool ordered = true;  // no hidden token stands before one that is seen
    for (int i = 0; i <= hp.n_ctx; i++) {
        const bool is_class = i == hp.n_ctx;
        if (!all && !is_class && hidden(i)) continue;
        ordered = ordered && (hidden(i) || n_seen == n_row);
        n_seen += hidden(i) ? 0 : 1;
        n_row++;
        rows.push_back(is_class ? 0 : (int32_t) tokens.size() + 1);
        tokens.push_back(is_class ? 0 : id(i));
        positions.push_back(hp.position_offset + i);
    }
    if (!ordered) {
        throw_error(error_code::MODEL_UNSUPPORTED,
                    "states of a text of this model: expected no token with the id of padding (%d) before the text's "
                    "end, as what follows it is hidden; embeddings are computed",
                    hp.pad_id);
    }
    shape.n_key.push_back(n_seen);
    pooled.push_back((int32_t) tokens.size() - 1);
}

}  // namespace ggclip
