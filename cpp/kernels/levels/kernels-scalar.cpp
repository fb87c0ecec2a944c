// The portable level: plain loops, no vector instructions beyond the compiler's baseline. Runs on any CPU and is the
// reference that tests compare all other levels with. Packed weights are the plain rows; a packed activation block is {
// float d; float sum; int8 q[32]; } for the q types and plain floats otherwise.
#define GGCLIP_LEVEL scalar

#include <math.h>

#include "kernels/matmul/blocks.h"

GGCLIP_LEVEL_BEGIN

struct activation_block {
    float d;
    float sum;  // of the quants
    int8_t q[block_size];
};

static size_t row_size(weight_type type, int n_in) {
    switch (type) {
        case weight_type::f32: return (size_t) n_in * 4;
        case weight_type::f16:
        case weight_type::bf16: return (size_t) n_in * 2;
        case weight_type::i8: return sizeof(float) + ((size_t) n_in + 3) / 4 * 4;
        default: return (size_t) (n_in / block_size) * layout_of(type).bytes;
    }
}

static size_t packed_size(weight_type type, int n_out, int n_in) { return row_size(type, n_in) * n_out; }

// The larger of two magnitudes; NaN if either is NaN.
static float larger_magnitude(float magnitude, float x) {
    const float a = fabsf(x);
    return a > magnitude || a != a ? a : magnitude;
}

static float max_abs(const float * x, int n) {
    float amax = 0.0f;
    for (int i = 0; i < n; i++) amax = larger_magnitude(amax, x[i]);
    return amax;
}

static float step_of(float amax) { return amax < smallest_amax ? 0.0f : amax / 127.0f; }
static int8_t to_byte(float x, float amax) {
    return amax < smallest_amax ? 0 : (int8_t) lrintf(x * (127.0f / amax));  // nearest, ties to even
}

// An i8 row: float d, then the bytes.
static void pack_bytes(const float * x, float amax, int n, uint8_t * dst) {
    const float d = step_of(amax);
    memcpy(dst, &d, sizeof(d));
    for (int i = 0; i < n; i++) dst[sizeof(d) + i] = (uint8_t) to_byte(x[i], amax);
}

static void pack(weight_type type, int n_out, int n_in, const void * rows, size_t row_bytes, void * dst) {
    const size_t size = row_size(type, n_in);
    for (int r = 0; r < n_out; r++) {
        if (type == weight_type::i8) {
            const float * x = reinterpret_cast<const float *>(static_cast<const uint8_t *>(rows) + r * row_bytes);
            pack_bytes(x, max_abs(x, n_in), n_in, static_cast<uint8_t *>(dst) + r * size);
            continue;
        }
        memcpy(static_cast<uint8_t *>(dst) + r * size, static_cast<const uint8_t *>(rows) + r * row_bytes, size);
    }
}

static size_t activation_row_size(weight_type type, int n_in) {
    if (type == weight_type::i8) return row_size(type, n_in);
    return is_quantized(type) ? (size_t) (whole_blocks(n_in) / block_size) * sizeof(activation_block)
                              : (size_t) n_in * 4;
}

static size_t activations_size(weight_type type, int n_tokens, int n_in) {
    return activation_row_size(type, n_in) * n_tokens;
}

// Zeros follow the first n values.
static void quantize_block(const float * x, int n, float amax, activation_block * out) {
    int sum = 0;
    out->d = step_of(amax);
    for (int j = 0; j < block_size; j++) {
        out->q[j] = to_byte(j < n ? x[j] : 0.0f, amax);
        sum += out->q[j];
    }
    out->sum = (float) sum;
}

static void pack_row(weight_type type, const float * x, int n, void * dst) {
    if (!is_quantized(type)) {
        memcpy(dst, x, (size_t) n * sizeof(float));
        return;
    }
    if (type == weight_type::i8) {
        pack_bytes(x, max_abs(x, n), n, static_cast<uint8_t *>(dst));
        return;
    }
    activation_block * out = static_cast<activation_block *>(dst);
    const int group = scale_group(whole_blocks(n));
    for (int begin = 0; begin < n; begin += group) {
        const int end = min_int(begin + group, n);
        const float amax = max_abs(x + begin, end - begin);
        for (int i = begin; i < end; i += block_size) quantize_block(x + i, n - i, amax, &out[i / block_size]);
    }
}

static void pack_activations(weight_type type, const float * x, size_t x_stride, int n_tokens, int n_in, void * dst,
                             int ith, int nth) {
    const auto mine = share(n_tokens, ith, nth);
    const size_t size = activation_row_size(type, n_in);
    for (int t = mine.begin; t < mine.end; t++)
        pack_row(type, x + t * x_stride, n_in, static_cast<uint8_t *>(dst) + t * size);
}

struct moments {
    float mean;
    float scale;  // 1 / standard deviation
};

static moments moments_of(const norm_args & a, const float * x) {
    double sum = 0.0;
    for (int i = 0; i < a.n && !a.rms; i++) sum += x[i];
    const double mean = sum / a.n;
    double squares = 0.0;
    for (int i = 0; i < a.n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return {(float) mean, (float) (1.0 / sqrt(squares / a.n + a.eps))};
}

static float normalized(const norm_args & a, const float * x, moments m, int i) {
    return (x[i] - m.mean) * m.scale * a.weight[i] + (a.bias ? a.bias[i] : 0.0f);
}

static void layer_norm(const norm_args & a, int ith, int nth) {
    const auto mine = share(a.n_tokens, ith, nth);
    for (int t = mine.begin; t < mine.end; t++) {
        const float * x = a.x + t * a.x_stride;
        const moments m = moments_of(a, x);
        for (int i = 0; i < a.n; i++) a.dst[(size_t) t * a.n + i] = normalized(a, x, m, i);
    }
}

static void layer_norm_pack(weight_type type, const norm_args & a, void * dst, int ith, int nth) {
    const auto mine = share(a.n_tokens, ith, nth);
    const size_t size = activation_row_size(type, a.n);
    for (int t = mine.begin; t < mine.end; t++) {
        const float * x = a.x + t * a.x_stride;
        const moments m = moments_of(a, x);
        uint8_t * row = static_cast<uint8_t *>(dst) + t * size;
        if (a.dst)
            for (int i = 0; i < a.n; i++) a.dst[(size_t) t * a.n + i] = normalized(a, x, m, i);
        if (!is_quantized(type)) {
            for (int i = 0; i < a.n; i++) reinterpret_cast<float *>(row)[i] = normalized(a, x, m, i);
            continue;
        }
        if (type == weight_type::i8) {
            float amax = 0.0f;
            for (int i = 0; i < a.n; i++) amax = larger_magnitude(amax, normalized(a, x, m, i));
            const float d = step_of(amax);
            memcpy(row, &d, sizeof(d));
            for (int i = 0; i < a.n; i++) row[sizeof(d) + i] = (uint8_t) to_byte(normalized(a, x, m, i), amax);
            continue;
        }
        const int group = scale_group(whole_blocks(a.n));
        float amax = 0.0f;
        for (int i0 = 0; i0 < a.n; i0 += block_size) {
            if (i0 % group == 0) {
                amax = 0.0f;
                for (int i = i0; i < min_int(i0 + group, a.n); i++)
                    amax = larger_magnitude(amax, normalized(a, x, m, i));
            }
            float values[block_size];
            const int n = min_int(block_size, a.n - i0);
            for (int j = 0; j < n; j++) values[j] = normalized(a, x, m, i0 + j);
            quantize_block(values, n, amax, reinterpret_cast<activation_block *>(row) + i0 / block_size);
        }
    }
}

static void rotate(const rotate_args & a, int ith, int nth) {
    const auto mine = share(a.n_tokens, ith, nth);
    const int half = a.d_head / 2;
    for (int t = mine.begin; t < mine.end; t++) {
        const float * turns = a.turns + (size_t) t * 2 * a.d_head;
        for (int h = 0; h < a.n_head; h++) {
            const float * x = a.x + t * a.x_stride + (size_t) h * a.d_head;
            float * dst = a.dst + ((size_t) t * a.n_head + h) * a.d_head;
            for (int i = 0; i < a.d_head; i++) {
                const int partner = a.halves ? (i < half ? i + half : i - half) : i ^ 1;
                dst[i] = x[i] * turns[i] + x[partner] * turns[a.d_head + i];
            }
        }
    }
}

static float dot_float(const float * w, const float * x, int n) {
    float sum = 0.0f;
    for (int i = 0; i < n; i++) sum += w[i] * x[i];
    return sum;
}

// Tokens multiplied with one output row at a time; each weight is expanded once for all of them.
constexpr int token_tile = 8;

// sums[t] = dot product of the row with token t; rows of x are x_stride apart.
static void multiply_row_float(weight_type type, const void * w, int n, const float * x, size_t x_stride, int n_tokens,
                               float * sums) {
    const float * rows[token_tile];
    for (int t = 0; t < token_tile; t++) {
        rows[t] = x + (t < n_tokens ? t : 0) * x_stride;  // missing tokens: computed and ignored
        sums[t] = 0.0f;
    }
    for (int i = 0; i < n; i++) {
        const float v = type == weight_type::f32   ? static_cast<const float *>(w)[i]
                        : type == weight_type::f16 ? f16_to_float(static_cast<const uint16_t *>(w)[i])
                                                   : bf16_to_float(static_cast<const uint16_t *>(w)[i]);
        for (int t = 0; t < token_tile; t++) sums[t] += v * rows[t][i];
    }
}

// Same for the q types.
static void multiply_row_quantized(weight_type type, const uint8_t * w, int n_blocks, const activation_block * x,
                                   int n_tokens, float * sums) {
    const block_layout layout = layout_of(type);
    for (int t = 0; t < n_tokens; t++) sums[t] = 0.0f;
    for (int b = 0; b < n_blocks; b++, w += layout.bytes) {
        int16_t quants[block_size];
        for (int j = 0; j < block_size; j++) quants[j] = (int16_t) (quant_at(type, w, j) - layout.offset);
        const float d = f16_to_float(load_u16(w));
        const float m = layout.min ? f16_to_float(load_u16(w + layout.min)) : 0.0f;
        for (int t = 0; t < n_tokens; t++) {
            const activation_block & xb = x[(size_t) t * n_blocks + b];
            int dot = 0;
            for (int j = 0; j < block_size; j++) dot += quants[j] * (int16_t) xb.q[j];
            sums[t] += (float) dot * (d * xb.d);
            if (layout.min) sums[t] += m * (xb.d * xb.sum);
        }
    }
}

// Same for i8.
static void multiply_row_bytes(const uint8_t * w, int n, const uint8_t * x, size_t x_size, int n_tokens, float * sums) {
    float w_step;
    memcpy(&w_step, w, sizeof(w_step));
    for (int t = 0; t < n_tokens; t++, x += x_size) {
        float x_step;
        memcpy(&x_step, x, sizeof(x_step));
        int dot = 0;
        for (int i = 0; i < n; i++) dot += (int8_t) w[sizeof(w_step) + i] * (int8_t) x[sizeof(x_step) + i];
        sums[t] = (float) dot * (w_step * x_step);
    }
}

static float apply(unary op, float x) {
    const double v = x;
    switch (op) {
        case unary::quick_gelu: return (float) (v / (1.0 + exp(-1.702 * v)));
        case unary::gelu_erf: return (float) (v * 0.5 * erfc(-v * 0.70710678118654752440));
        case unary::relu: return (float) (0.5 * (v + fabs(v)));  // NaN, not 0, of -infinity
        case unary::gelu_tanh:
            // 0.5 * (1 + tanh(u)) = 1 / (1 + exp(-2u)) with u = sqrt(2/pi) * (x + 0.044715 x^3)
            return (float) (v / (1.0 + exp(-1.5957691216057308 * (v + 0.044715 * v * v * v))));
        case unary::silu: return (float) (v / (1.0 + exp(-v)));
        case unary::tanh: return (float) (::tanh(v) + 0.0 * v);  // NaN where x is not finite
        default: return x;
    }
}

static void linear(const linear_args & a, int ith, int nth) {
    const auto mine = share(a.w.n_out, ith, nth);
    const size_t w_size = row_size(a.w.type, a.w.n_in);
    const size_t act_size = activation_row_size(a.w.type, a.w.n_in);
    const int n_blocks = a.w.n_in / block_size;
    const uint8_t * act = static_cast<const uint8_t *>(a.act);
    for (int o = mine.begin; o < mine.end; o++) {
        const uint8_t * w = a.w.data + o * w_size;
        for (int t0 = 0; t0 < a.n_tokens; t0 += token_tile) {
            const int n = min_int(token_tile, a.n_tokens - t0);
            const void * x = act + t0 * act_size;
            float sums[token_tile];
            if (a.w.type == weight_type::i8)
                multiply_row_bytes(w, a.w.n_in, static_cast<const uint8_t *>(x), act_size, n, sums);
            else if (is_quantized(a.w.type))
                multiply_row_quantized(a.w.type, w, n_blocks, static_cast<const activation_block *>(x), n, sums);
            else multiply_row_float(a.w.type, w, a.w.n_in, static_cast<const float *>(x), a.w.n_in, n, sums);
            for (int t = 0; t < n; t++) {
                float v = apply(a.op, sums[t] + (a.bias ? a.bias[o] : 0.0f));
                if (a.factor) v *= a.factor[(size_t) (t0 + t) * a.w.n_out + o];
                const float r = a.residual ? a.residual[(t0 + t) * a.residual_stride + o] : 0.0f;
                a.dst[(t0 + t) * a.dst_stride + o] = v + r;
            }
        }
    }
}

static size_t attention_scratch_size(int max_kv, int d_head, int nth) {
    (void) d_head;
    return (size_t) max_kv * sizeof(float) * nth;
}

static void attend_one(const attention_args & a, int s, int h, int row, float * scores) {
    const int i = row - a.q_offset[s];
    const int kv = a.kv_offset[s];
    const int n_kv = a.keys(s);
    const int n = a.causal ? min_int(i + 1, n_kv) : n_kv;
    const float * q = a.q + row * a.q_stride + (size_t) h * a.d_head;
    const float scale = a.unscaled ? 1.0f : 1.0f / sqrtf((float) a.d_head);
    const float * bias =
        a.distance_bias ? a.distance_bias + (size_t) h * (2 * a.max_distance + 1) + a.max_distance : nullptr;
    float top = -INFINITY;
    for (int j = 0; j < n; j++) {
        scores[j] = scale * dot_float(a.k + (kv + j) * a.k_stride + (size_t) h * a.d_head, q, a.d_head);
        if (a.slopes) scores[j] -= a.slopes[h] * fabsf((float) (a.positions[kv + j] - a.positions[row]));
        if (bias) {
            const int distance = a.positions[kv + j] - a.positions[row];
            scores[j] += bias[max_int(-a.max_distance, min_int(distance, a.max_distance))];
        }
        top = scores[j] > top ? scores[j] : top;
    }
    float sum = 0.0f;
    for (int j = 0; j < n; j++) {
        scores[j] = expf(scores[j] - top);
        sum += scores[j];
    }
    float * out = a.dst + row * a.dst_stride + (size_t) h * a.d_head;
    for (int d = 0; d < a.d_head; d++) {
        float v = 0.0f;
        for (int j = 0; j < n; j++) v += scores[j] * a.v[(kv + j) * a.v_stride + (size_t) h * a.d_head + d];
        out[d] = n > 0 ? v / sum : 0.0f;
    }
}

static void attention(const attention_args & a, int ith, int nth) {
    const auto mine = share(a.n_seq * a.n_head, ith, nth);
    float * scores = static_cast<float *>(a.scratch) + (size_t) ith * a.max_kv;
    for (int task = mine.begin; task < mine.end; task++) {
        const int s = task / a.n_head;
        for (int row = a.q_offset[s]; row < a.q_offset[s + 1]; row++) attend_one(a, s, task % a.n_head, row, scores);
    }
}

GGCLIP_LEVEL_END

#include "kernels/levels/scalar-depthwise.h"

GGCLIP_LEVEL_BEGIN

template <class T>
static double multiply_adds(int n) {
    T weights[16], tokens[8], sums[8] = {};
    for (int i = 0; i < 16; i++) weights[i] = tokens[i % 8] = (T) 1;
    for (int i = 0; i < n; i++)
        for (int t = 0; t < 8; t++) sums[t] += weights[i % 16] * tokens[t];
    volatile T result = sums[n % 8];
    (void) result;
    return 16.0 * n;
}

static double peak(weight_type type, int n) {
    return is_quantized(type) ? multiply_adds<uint32_t>(n) : multiply_adds<float>(n);
}

static constexpr kernel_table table() {
    kernel_table t = {};
    t.level = cpu_level::scalar;
    t.name = "scalar";
    t.packed_size = packed_size;
    t.pack = pack;
    t.activations_size = activations_size;
    t.pack_activations = pack_activations;
    t.layer_norm_pack = layer_norm_pack;
    t.linear = linear;
    t.layer_norm = layer_norm;
    t.rotate = rotate;
    t.attention_scratch_size = attention_scratch_size;
    t.attention = attention;
    t.depthwise_scratch_size = depthwise_scratch_size;
    t.depthwise = depthwise;
    t.gate = gate;
    t.peak = peak;
    return t;
}

GGCLIP_LEVEL_END

namespace ggclip::kernels {
extern const kernel_table scalar_kernels;
constexpr kernel_table scalar_kernels = scalar::table();
}  // namespace ggclip::kernels
