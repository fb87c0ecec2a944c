// Blocking, selection and splitting; dot_block_* does the arithmetic.
#include "kernels/search/search.h"

#include <algorithm>

namespace ggclip::kernels {

namespace {

// A block of rows (128 KiB of f32 at dim 512) stays in L2 while all queries use it.
constexpr size_t rows_per_block = 64;
constexpr size_t queries_per_block = 24;
// With this many queries per thread, arithmetic rather than reading the matrix is the bottleneck.
constexpr size_t queries_to_split = 32;

bool cancelled(const std::atomic<bool> * cancel) {
    return cancel != nullptr && cancel->load(std::memory_order_relaxed);
}

// Splitting by query needs one heap per query; splitting by row needs one per query and thread.
bool split_by_query(const top_k_args & args, int nth) { return args.n_query / (size_t) nth >= queries_to_split; }

row_block rows_at(const search_matrix & matrix, size_t row, size_t n_row) {
    const size_t stride = matrix.dim * element_bytes(matrix.type);
    return {static_cast<const uint8_t *>(matrix.data) + row * stride, matrix.type, n_row, stride};
}

// Replaces the worst candidate, the heap's first element.
void replace_worst(candidate * heap, size_t k, candidate with) {
    size_t at = 0;
    for (size_t child = 1; child < k; child = at * 2 + 1) {
        if (child + 1 < k && is_better(heap[child], heap[child + 1])) child++;
        if (!is_better(with, heap[child])) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = with;
}

void offer_rows(candidate * heap, size_t k, const float * score, const float * scale, size_t first_row, size_t n_row) {
    for (size_t r = 0; r < n_row; r++)
        offer(heap, k, {scale ? score[r] * scale[first_row + r] : score[r], (uint32_t) (first_row + r)});
}

}  // namespace

void offer(candidate * heap, size_t k, candidate found) {
    // Rows come in ascending order, so an equal score never replaces; only NaN at the top needs a closer check.
    const bool better = found.score > heap[0].score || (heap[0].score != heap[0].score && is_better(found, heap[0]));
    if (better) replace_worst(heap, k, found);
}

bool is_better(const candidate & a, const candidate & b) {
    const bool a_is_nan = a.score != a.score;
    const bool b_is_nan = b.score != b.score;
    if (a_is_nan != b_is_nan) return b_is_nan;
    if (!a_is_nan && a.score != b.score) return a.score > b.score;
    return a.index < b.index;
}

size_t top_k_heap_size(const top_k_args & args, int nth) {
    return args.n_query * args.k * (split_by_query(args, nth) ? 1 : (size_t) nth);
}

bool top_k_scan(const top_k_args & args, int ith, int nth, candidate * heap, const std::atomic<bool> * cancel,
                dot_block_fn dots) {
    const search_matrix & matrix = args.matrix;
    const bool by_query = split_by_query(args, nth);
    const auto queries = by_query ? share(args.n_query, ith, nth) : share(args.n_query, 0, 1);
    const auto rows = by_query ? share(matrix.n_row, 0, 1) : share(matrix.n_row, ith, nth);
    if (!by_query) heap += (size_t) ith * args.n_query * args.k;
    std::fill(heap + queries.begin * args.k, heap + queries.end * args.k, no_candidate);

    float scores[queries_per_block * rows_per_block];
    for (size_t row = rows.begin; row < rows.end; row += rows_per_block) {
        const size_t n_row = std::min(rows_per_block, rows.end - row);
        for (size_t query = queries.begin; query < queries.end; query += queries_per_block) {
            if (cancelled(cancel)) return false;
            const size_t n_query = std::min(queries_per_block, queries.end - query);
            dots(args.query + query * matrix.dim, n_query, rows_at(matrix, row, n_row), matrix.dim, scores,
                 rows_per_block);
            for (size_t q = 0; q < n_query; q++)
                offer_rows(heap + (query + q) * args.k, args.k, scores + q * rows_per_block, matrix.scale, row, n_row);
        }
    }
    return true;
}

void top_k_finish(const top_k_args & args, int nth, candidate * heap, uint32_t * indices, float * scores) {
    const size_t k = args.k;
    const size_t n_part = split_by_query(args, nth) ? 1 : (size_t) nth;
    for (size_t q = 0; q < args.n_query; q++) {
        candidate * best = heap + q * k;  // the first share's heap merges the others
        for (size_t part = 1; part < n_part; part++) {
            const candidate * other = heap + (part * args.n_query + q) * k;
            for (size_t i = 0; i < k; i++)
                if (is_better(other[i], best[0])) replace_worst(best, k, other[i]);
        }
        std::sort(best, best + k, is_better);
        for (size_t i = 0; i < k; i++) {
            indices[q * k + i] = best[i].index;
            scores[q * k + i] = best[i].score;
        }
    }
}

bool similarity_matrix(const float * a, size_t n_a, const search_matrix & b, float * dst, int ith, int nth,
                       const std::atomic<bool> * cancel, dot_block_fn dots) {
    // Tasks: blocks of rows of b by blocks of rows of a, with a varying fastest so that b's block stays in cache.
    const size_t n_block_a = (n_a + queries_per_block - 1) / queries_per_block;
    const size_t n_block_b = (b.n_row + rows_per_block - 1) / rows_per_block;
    const auto tasks = share(n_block_a * n_block_b, ith, nth);
    for (size_t task = tasks.begin; task < tasks.end; task++) {
        if (cancelled(cancel)) return false;
        const size_t i = task % n_block_a * queries_per_block;
        const size_t j = task / n_block_a * rows_per_block;
        const size_t n_i = std::min(queries_per_block, n_a - i);
        const size_t n_j = std::min(rows_per_block, b.n_row - j);
        float * out = dst + i * b.n_row + j;
        dots(a + i * b.dim, n_i, rows_at(b, j, n_j), b.dim, out, b.n_row);
        if (b.scale == nullptr) continue;
        for (size_t r = 0; r < n_i; r++)
            for (size_t c = 0; c < n_j; c++) out[r * b.n_row + c] *= b.scale[j + c];
    }
    return true;
}

dot_block_fn dot_block_for(cpu_level level) {
    const dot_block_fn avx512 = has_avx512(level) ? avx512_dot_block() : nullptr;
    const dot_block_fn avx2 = has_avx2(level) ? avx2_dot_block() : nullptr;
    return avx512 ? avx512 : avx2 ? avx2 : dot_block_generic;
}

}  // namespace ggclip::kernels
