// Search kernels against a naive double-precision search.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "kernels/search/stored-rows.h"

using namespace ggclip::kernels;
using test::n_failed;

static uint32_t random_state = 1;
static uint32_t next_random() { return (random_state = random_state * 1664525u + 1013904223u) >> 8; }

// Small integers: every sum is exact in float, so all levels, splits and the naive search must agree bit for bit.
static float small_integer() { return (float) ((int) (next_random() % 17) - 8); }

static uint16_t to_half(float value) {  // small integers only
    if (value == 0.0f) return 0;
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return (uint16_t) ((bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff));
}

struct matrix {
    std::vector<float> f32;
    std::vector<uint16_t> f16;
    std::vector<int8_t> i8;
    std::vector<float> scale;

    matrix(size_t n_row, size_t dim) {
        for (size_t i = 0; i < n_row * dim; i++) {
            f32.push_back(small_integer());
            f16.push_back(to_half(f32.back()));
            i8.push_back((int8_t) f32.back());
        }
        for (size_t i = 0; i < n_row; i++) scale.push_back((float) (1 + next_random() % 4) * 0.25f);
    }
    search_matrix view(element_type type, size_t n_row, size_t dim, bool scaled) const {
        const void * data = type == element_type::f32   ? static_cast<const void *>(f32.data())
                            : type == element_type::f16 ? static_cast<const void *>(f16.data())
                                                        : static_cast<const void *>(i8.data());
        return {data, type, n_row, dim, scaled ? scale.data() : nullptr};
    }
};

struct result {
    std::vector<uint32_t> indices;
    std::vector<float> scores;
};

static result search(const top_k_args & args, int nth, dot_block_fn dots) {
    std::vector<candidate> heap(top_k_heap_size(args, nth));
    for (int ith = nth - 1; ith >= 0; ith--)
        CHECK(top_k_scan(args, ith, nth, heap.data(), nullptr, dots), "share %d of %d", ith, nth);
    result found{std::vector<uint32_t>(args.n_query * args.k), std::vector<float>(args.n_query * args.k)};
    top_k_finish(args, nth, heap.data(), found.indices.data(), found.scores.data());
    return found;
}

static std::vector<dot_block_fn> all_flavours() {
    std::vector<dot_block_fn> list = {dot_block_generic};
    for (const cpu_level level : all_levels) {
        const dot_block_fn dots = dot_block_for(level);
        if (has_level(level) && std::find(list.begin(), list.end(), dots) == list.end()) list.push_back(dots);
    }
    return list;
}

static const element_type all_types[] = {element_type::f32, element_type::f16, element_type::i8};

static void test_against_naive() {
    struct size {
        size_t n_query, n_row, dim, k;
    };
    const size sizes[] = {{1, 1, 1, 1},     {1, 1000, 8, 10},  {3, 129, 33, 5},  {7, 64, 7, 64},
                          {25, 65, 300, 3}, {70, 333, 16, 20}, {130, 10, 5, 10}, {2, 700, 512, 100}};
    for (const size & s : sizes) {
        const matrix rows(s.n_row, s.dim);
        std::vector<float> query;
        for (size_t i = 0; i < s.n_query * s.dim; i++) query.push_back(small_integer());
        for (const bool scaled : {false, true}) {
            std::vector<float> naive(s.n_query * s.n_row);
            result expected;
            for (size_t q = 0; q < s.n_query; q++) {
                std::vector<candidate> all;
                for (size_t r = 0; r < s.n_row; r++) {
                    double sum = 0;
                    for (size_t i = 0; i < s.dim; i++)
                        sum += (double) query[q * s.dim + i] * (double) rows.f32[r * s.dim + i];
                    naive[q * s.n_row + r] = (float) sum * (scaled ? rows.scale[r] : 1.0f);
                    all.push_back({naive[q * s.n_row + r], (uint32_t) r});
                }
                std::stable_sort(all.begin(), all.end(),
                                 [](const candidate & a, const candidate & b) { return a.score > b.score; });
                for (size_t i = 0; i < s.k; i++) {
                    expected.indices.push_back(all[i].index);
                    expected.scores.push_back(all[i].score);
                }
            }
            for (const element_type type : all_types) {
                const search_matrix view = rows.view(type, s.n_row, s.dim, scaled);
                for (const dot_block_fn dots : all_flavours()) {
                    for (const int nth : {1, 2, 3, 8}) {
                        const result found = search({query.data(), s.n_query, view, s.k}, nth, dots);
                        CHECK(found.indices == expected.indices, "%zu queries %zu rows type %d threads %d", s.n_query,
                              s.n_row, (int) type, nth);
                        CHECK(found.scores == expected.scores, "%zu queries %zu rows type %d threads %d", s.n_query,
                              s.n_row, (int) type, nth);
                        std::vector<float> all(s.n_query * s.n_row, -1e9f);
                        for (int ith = 0; ith < nth; ith++) {
                            CHECK(similarity_matrix(query.data(), s.n_query, view, all.data(), ith, nth, nullptr, dots),
                                  "share %d", ith);
                        }
                        CHECK(all == naive, "%zu x %zu type %d threads %d", s.n_query, s.n_row, (int) type, nth);
                    }
                }
            }
        }
    }
}

// Real values: close to double precision, and bit-identical however the work is split.
static void test_real_values() {
    const size_t n_query = 5, n_row = 150, dim = 517;
    std::vector<float> query(n_query * dim), rows(n_row * dim);
    for (float & v : query) v = (float) next_random() / (float) (1 << 24) - 0.5f;
    for (float & v : rows) v = (float) next_random() / (float) (1 << 24) - 0.5f;
    const search_matrix view = {rows.data(), element_type::f32, n_row, dim, nullptr};
    for (const dot_block_fn dots : all_flavours()) {
        const result one = search({query.data(), n_query, view, 9}, 1, dots);
        for (const int nth : {2, 5, 7}) {
            const result split = search({query.data(), n_query, view, 9}, nth, dots);
            CHECK(split.indices == one.indices && split.scores == one.scores, "threads %d", nth);
        }
        for (size_t i = 0; i < one.scores.size(); i++) {
            const float * q = query.data() + i / 9 * dim;
            const float * r = rows.data() + one.indices[i] * dim;
            double sum = 0;
            for (size_t j = 0; j < dim; j++) sum += (double) q[j] * (double) r[j];
            CHECK(std::fabs(sum - (double) one.scores[i]) < 1e-4, "%g, found %g", sum, (double) one.scores[i]);
        }
    }
}

static void test_every_half() {
    std::vector<uint16_t> bits(65536);
    for (size_t i = 0; i < bits.size(); i++) bits[i] = (uint16_t) i;
    const float one = 1.0f;
    std::vector<float> out(65536);
    for (const dot_block_fn dots : all_flavours()) {
        dots(&one, 1, {bits.data(), element_type::f16, bits.size(), 2}, 1, out.data(), bits.size());
        for (size_t i = 0; i < bits.size(); i++) {
            const int exponent = (int) (i >> 10 & 31);
            const double mantissa = (double) (i & 1023);
            const double sign = i & 0x8000 ? -1.0 : 1.0;
            const double value =
                exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024.0 + mantissa, exponent - 25);
            if (exponent == 31)
                CHECK(mantissa != 0 ? std::isnan(out[i]) : std::isinf(out[i]), "half %zx: %g", i, (double) out[i]);
            else CHECK((double) out[i] == sign * value, "half %zx: %g", i, (double) out[i]);
        }
    }
}

static void test_nan_and_infinity() {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float inf = std::numeric_limits<float>::infinity();
    const std::vector<float> rows = {nan, 1, -inf, nan, 3, inf, 3, nan};
    const float query = 1.0f;
    const search_matrix view = {rows.data(), element_type::f32, rows.size(), 1, nullptr};
    const std::vector<uint32_t> order = {5, 4, 6, 1, 2, 0, 3, 7};
    for (const dot_block_fn dots : all_flavours()) {
        for (size_t k = 1; k <= rows.size(); k++) {
            for (const int nth : {1, 3, 20}) {
                const result found = search({&query, 1, view, k}, nth, dots);
                const bool same = std::equal(found.indices.begin(), found.indices.end(), order.begin());
                CHECK(same, "k %zu threads %d", k, nth);
            }
        }
    }
}

// Strides beyond the values, and every number of them: nothing behind a row counts.
static void test_stored_rows() {
    for (size_t dim = 1; dim <= 70; dim++) {
        const size_t n_row = 67, n_query = 5;
        const matrix rows(n_row, dim);
        std::vector<float> query;
        for (size_t i = 0; i < n_query * dim; i++) query.push_back(small_integer());
        for (const element_type type : {element_type::f16, element_type::i8}) {
            const stored_format format = {type, dim};
            std::vector<uint8_t> data(n_row * format.row_bytes());
            for (size_t r = 0; r < n_row; r++) {
                uint8_t * at = data.data() + r * format.row_bytes();
                if (type == element_type::f16) std::memcpy(at, rows.f16.data() + r * dim, 2 * dim);
                else {
                    std::memcpy(at, rows.i8.data() + r * dim, dim);
                    std::memcpy(at + dim, &rows.scale[r], 4);
                }
            }
            for (const dot_block_fn dots : all_flavours()) {
                size_t seen = 0;
                score_stored_rows(
                    query.data(), n_query, data.data(), n_row, format,
                    [&](size_t q, size_t r, float score) {
                        double sum = 0;
                        for (size_t i = 0; i < dim; i++)
                            sum += (double) query[q * dim + i] * (double) rows.f32[r * dim + i];
                        const double factor = type == element_type::i8 ? (double) rows.scale[r] : 1.0;
                        CHECK((double) score == sum * factor, "dim %zu type %d: %g, found %g", dim, (int) type,
                              sum * factor, (double) score);
                        seen++;
                    },
                    dots);
                CHECK(seen == n_row * n_query, "%zu pairs", seen);
            }
        }
    }
}

static void test_cancel() {
    const matrix rows(100, 4);
    const std::vector<float> query(4 * 40, 1.0f);
    const search_matrix view = rows.view(element_type::f32, 100, 4, false);
    const top_k_args args = {query.data(), 40, view, 5};
    std::vector<candidate> heap(top_k_heap_size(args, 1));
    std::vector<float> all(40 * 100);
    std::atomic<bool> cancel{true};
    CHECK(!top_k_scan(args, 0, 1, heap.data(), &cancel), "top k");
    CHECK(!similarity_matrix(query.data(), 40, view, all.data(), 0, 1, &cancel), "matrix");
    cancel = false;
    CHECK(top_k_scan(args, 0, 1, heap.data(), &cancel), "top k");
}

int main() {
    test_against_naive();
    test_real_values();
    test_every_half();
    test_nan_and_infinity();
    test_stored_rows();
    test_cancel();
    std::printf("search (%zu kinds of dot products): %s\n", all_flavours().size(), n_failed == 0 ? "ok" : "FAILED");
    return n_failed == 0 ? 0 : 1;
}
