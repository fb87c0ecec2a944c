// Resize passes for x86 with AVX2, selected at run time. A 24-bit weight is split into two 16-bit halves so that
// vpmaddwd can multiply-add two taps at once while the integer result stays exact: sum(p * weight) == 4096 * sum(p *
// high) + sum(p * low), modulo 2^32, and the left side fits 32 bits.
#include "kernels/resize/resize-passes.h"

#if defined(__x86_64__) || defined(_M_X64)

#include <immintrin.h>

#include "kernels/target-avx2.h"

namespace ggclip::kernels {

namespace {

void split_weights(resize_axis & axis) {
    const size_t n = axis.weight.size();
    axis.low.resize(n);
    axis.high.resize(n);
    for (size_t i = 0; i < n; i++) {
        const int32_t high = (axis.weight[i] + 2048) >> 12;  // low in -2048..2047
        axis.high[i] = (int16_t) high;
        axis.low[i] = (int16_t) (axis.weight[i] - high * 4096);
    }
}

// (high << 12) + low, both 128-bit halves added: [r, g, b, unused]
GGCLIP_TARGET_AVX2 inline __m128i join(__m256i low, __m256i high) {
    const __m256i sum = _mm256_add_epi32(low, _mm256_slli_epi32(high, 12));
    const __m128i rgb = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    return _mm_srai_epi32(_mm_add_epi32(rgb, _mm_set1_epi32(resize_half)), resize_bits);
}

// Processes N rows at once, loading each weight once for all of them.
template <int N>
GGCLIP_TARGET_AVX2 void horizontal_rows(const resize_axis & axis, const uint8_t * const * rows, uint8_t * dst,
                                        size_t dst_stride) {
    // Packed RGB to 16-bit pairs of adjacent pixels: r0 r1 g0 g1 b0 b1 0 0 | r2 r3 g2 g3 b2 b3 0 0
    const __m256i pairs = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, 6, -1, 9, -1, 7,
                                           -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);  // weights 01 low half, 23 high half
    for (int i = 0; i < axis.n_out; i++) {
        const int16_t * low = axis.low.data() + (size_t) i * (size_t) axis.n_tap;
        const int16_t * high = axis.high.data() + (size_t) i * (size_t) axis.n_tap;
        const size_t offset = (size_t) axis.start[(size_t) i] * 3;
        const int count = axis.count[(size_t) i];
        __m256i sum_low[N];
        __m256i sum_high[N];
        for (int r = 0; r < N; r++) sum_low[r] = sum_high[r] = _mm256_setzero_si256();
        for (int t = 0; t < count; t += 4) {
            const __m128i low4 = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(low + t));
            const __m128i high4 = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(high + t));
            const __m256i w_low = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(low4), spread);
            const __m256i w_high = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(high4), spread);
            for (int r = 0; r < N; r++) {
                const uint8_t * at = rows[r] + offset + (size_t) t * 3;
                const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i *>(at));  // 4 pixels + 4 bytes
                const __m256i pixel = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(raw), pairs);
                sum_low[r] = _mm256_add_epi32(sum_low[r], _mm256_madd_epi16(pixel, w_low));
                sum_high[r] = _mm256_add_epi32(sum_high[r], _mm256_madd_epi16(pixel, w_high));
            }
        }
        __m128i rgb[4];
        for (int r = 0; r < 4; r++) rgb[r] = join(sum_low[r < N ? r : 0], sum_high[r < N ? r : 0]);
        const __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(rgb[0], rgb[1]), _mm_packs_epi32(rgb[2], rgb[3]));
        alignas(16) uint8_t pixel[16];  // r g b 0, one row after the other
        _mm_store_si128(reinterpret_cast<__m128i *>(pixel), bytes);
        // The fourth byte overlaps the row's next pixel, which is written afterwards.
        const size_t n_byte = i + 1 < axis.n_out ? 4 : 3;
        for (int r = 0; r < N; r++) {
            uint8_t * to = dst + (size_t) r * dst_stride + (size_t) i * 3;
            n_byte == 4 ? std::memcpy(to, pixel + r * 4, 4) : std::memcpy(to, pixel + r * 4, 3);
        }
    }
}

GGCLIP_TARGET_AVX2 void horizontal_avx2(resize_axis & axis, const uint8_t * src, size_t src_stride, int src_width,
                                        uint8_t * dst, size_t dst_stride, int n_rows, std::vector<uint8_t> & padded) {
    split_weights(axis);
    // The last group of 4 taps may start at a row's last pixel: 3 pixels and 4 bytes past its end.
    row_source source(src, src_stride, (size_t) src_width * 3, n_rows, 16, padded);
    int y = 0;
    for (; y + 4 <= n_rows; y += 4) {
        const uint8_t * rows[4];
        for (int r = 0; r < 4; r++) rows[r] = source.row(y + r, r);
        horizontal_rows<4>(axis, rows, dst + (size_t) y * dst_stride, dst_stride);
    }
    for (; y < n_rows; y++) {
        const uint8_t * row = source.row(y, 0);
        horizontal_rows<1>(axis, &row, dst + (size_t) y * dst_stride, dst_stride);
    }
}

// 32 bytes of one output row.
GGCLIP_TARGET_AVX2 inline void vertical_block(const int16_t * low, const int16_t * high, int count, const uint8_t * src,
                                              size_t src_stride, uint8_t * dst) {
    const __m256i zero = _mm256_setzero_si256();
    __m256i sum_low[4] = {zero, zero, zero, zero};
    __m256i sum_high[4] = {zero, zero, zero, zero};
    for (int t = 0; t < count; t += 2) {
        const uint8_t * row = src + (size_t) t * src_stride;
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(row));
        // An odd last tap has no partner; its weight is 0, so any row works.
        const uint8_t * next = t + 1 < count ? row + src_stride : row;
        const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(next));
        int32_t pair_low;
        int32_t pair_high;
        std::memcpy(&pair_low, low + t, 4);
        std::memcpy(&pair_high, high + t, 4);
        const __m256i w_low = _mm256_set1_epi32(pair_low);
        const __m256i w_high = _mm256_set1_epi32(pair_high);
        const __m256i ab_low = _mm256_unpacklo_epi8(a, b);  // a0 b0 a1 b1 .. per 128-bit half
        const __m256i ab_high = _mm256_unpackhi_epi8(a, b);
        const __m256i pixel[4] = {_mm256_unpacklo_epi8(ab_low, zero), _mm256_unpackhi_epi8(ab_low, zero),
                                  _mm256_unpacklo_epi8(ab_high, zero), _mm256_unpackhi_epi8(ab_high, zero)};
        for (int j = 0; j < 4; j++) {
            sum_low[j] = _mm256_add_epi32(sum_low[j], _mm256_madd_epi16(pixel[j], w_low));
            sum_high[j] = _mm256_add_epi32(sum_high[j], _mm256_madd_epi16(pixel[j], w_high));
        }
    }
    __m256i value[4];
    for (int j = 0; j < 4; j++) {
        const __m256i sum = _mm256_add_epi32(sum_low[j], _mm256_slli_epi32(sum_high[j], 12));
        value[j] = _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(resize_half)), resize_bits);
    }
    // The packs reverse the unpacks within each half, so bytes come out in order.
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_packs_epi32(value[0], value[1]), _mm256_packs_epi32(value[2], value[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(dst), bytes);
}

GGCLIP_TARGET_AVX2 void vertical_avx2(resize_axis & axis, const uint8_t * src, size_t src_stride, uint8_t * dst,
                                      size_t dst_stride, size_t n_bytes) {
    split_weights(axis);
    for (int i = 0; i < axis.n_out; i++) {
        const size_t offset = (size_t) i * (size_t) axis.n_tap;
        const uint8_t * rows = src + (size_t) axis.start[(size_t) i] * src_stride;
        const int count = axis.count[(size_t) i];
        uint8_t * out = dst + (size_t) i * dst_stride;
        if (n_bytes < 32) {
            vertical_row_generic(axis.weight.data() + offset, count, rows, src_stride, out, 0, n_bytes);
            continue;
        }
        for (size_t at = 0; at < n_bytes; at += 32) {
            const size_t block = at + 32 <= n_bytes ? at : n_bytes - 32;  // the last block overlaps the previous one
            vertical_block(axis.low.data() + offset, axis.high.data() + offset, count, rows + block, src_stride,
                           out + block);
        }
    }
}

}  // namespace

const resize_passes * avx2_resize_passes() {
    static const resize_passes passes = {"avx2", horizontal_avx2, vertical_avx2};
    return &passes;
}

}  // namespace ggclip::kernels

#else

namespace ggclip::kernels {
const resize_passes * avx2_resize_passes() { return nullptr; }
}  // namespace ggclip::kernels

#endif
