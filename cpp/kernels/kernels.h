// The only public kernel header: SIMD routines selected at run time by CPU features. Independent of CLIP, ggml graphs
// and files. Matrices are row-major; an activation matrix [n_tokens][n] has one row per token. Functions taking (ith,
// nth) do share ith of nth equal shares, may run on nth threads concurrently, and never allocate.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ggclip::kernels {

enum class cpu_level { scalar, sse41, avx2, avx_vnni, avx512_vnni, amx, neon, neon_dotprod, neon_i8mm };

// In order of preference among the levels one CPU can have.
constexpr cpu_level all_levels[] = {cpu_level::amx,          cpu_level::avx512_vnni, cpu_level::avx_vnni,
                                    cpu_level::avx2,         cpu_level::sse41,       cpu_level::neon_i8mm,
                                    cpu_level::neon_dotprod, cpu_level::neon,        cpu_level::scalar};

constexpr bool has_avx2(cpu_level level) { return level >= cpu_level::avx2 && level <= cpu_level::amx; }
constexpr bool has_avx512(cpu_level level) { return level == cpu_level::avx512_vnni || level == cpu_level::amx; }
constexpr bool has_neon(cpu_level level) { return level >= cpu_level::neon; }

// Share ith of nth equal shares of n items (n < 2^48) is [begin, end).
template <class T>
struct share_of {
    T begin, end;
};
template <class T>
static constexpr share_of<T> share(T n, int ith, int nth) {
    return {(T) ((uint64_t) n * (uint64_t) ith / (uint64_t) nth),
            (T) ((uint64_t) n * ((uint64_t) ith + 1) / (uint64_t) nth)};
}

// Weight storage, in ggml's block layouts (32 values per block for the q types). i8 is our own: bytes with one scale
// per output row, packed from plain f32 rows and multiplied by tokens with one scale each.
enum class weight_type { f32, f16, bf16, q8_0, q5_0, q5_1, q4_0, q4_1, i8 };

// Quantised in blocks of 32 values with one scale per block.
constexpr bool in_blocks(weight_type type) { return type >= weight_type::q8_0 && type <= weight_type::q4_1; }

enum class unary { none, quick_gelu, gelu_erf, gelu_tanh, silu, relu, tanh };

// For quantised weights, activations are rounded to 8 bits; this many values of a row share one scale. Larger groups
// are cheaper, but one outlier costs the small values of its group their precision. The limit is a sixth of a row, or
// 32 values (one weight block) for short rows. With i8 weights a whole row shares one scale. x86 without VNNI rounds
// activations for q8_0 and i8 weights to 7 bits, over the range (minimum to maximum) of each 32 or 64 inputs, and
// rounds some of these weights to a larger scale (dot-maddubs.h). All levels but scalar give q8_0 weights one scale for
// as many values as activations have. x86 except amx rounds f16 and bf16 weights and their activations to 13 bits
// (tile-i16.h). amx rounds weights in blocks to signed bytes with one scale for as many values as activations have, and
// f16 and bf16 weights and their activations to 15 bits (amx/tile-layout.h).
constexpr int max_scale_group = 128;
constexpr int scale_group(int n_in) { return n_in >= 6 * 128 ? 128 : n_in >= 6 * 64 ? 64 : 32; }

// Longest row of i8 weights: sums of this many 8-bit products stay below 2^31.
constexpr int max_i8_inputs = 65535;

// Weights repacked for one cpu_level. `data` is 64-byte aligned; the caller owns it.
struct packed_matrix {
    weight_type type;
    int n_out;  // rows: output features
    int n_in;   // columns: input features
    const uint8_t * data;
};

// dst[t][o] = unary(sum_i act[t][i] * w[o][i] + bias[o]) * factor[t][o] + residual[t][o]
struct linear_args {
    packed_matrix w;
    const void * act;  // from pack_activations or layer_norm_pack for w.type
    int n_tokens;
    const float * bias;  // [n_out] or null
    unary op;
    const float * residual;  // [n_tokens][residual_stride] or null; may equal dst
    size_t residual_stride;  // in floats
    float * dst;             // [n_tokens][dst_stride]
    size_t dst_stride;
    const float * factor = nullptr;  // [n_tokens][n_out] or null: the other half of a gated MLP
    bool rounds = false;             // the result is only used rounded to bytes: GELUs may be off by 5e-5 (above 1: of
                                     // their value)
};

// x' = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias, per token (biased variance, like torch.nn.LayerNorm); `rms`:
// with 0 for the mean (torch.nn.RMSNorm)
struct norm_args {
    const float * x;
    size_t x_stride;
    int n_tokens;
    int n;
    float eps;
    const float * weight;  // [n]
    const float * bias;    // [n] or null
    float * dst;           // [n_tokens][n]; may be null in layer_norm_pack
    bool rms = false;
};

// Rotary positions: each head's values are turned in pairs, by angles that the tokens' rows of `turns` hold for one
// head: x'[i] = x[i] * turns[i] + x[partner of i] * turns[d_head + i], that is the cosines, then the sines with the
// signs of the rotation. Pairs are neighbours (2i, 2i + 1), or `halves` (i, i + d_head / 2); d_head is even.
struct rotate_args {
    const float * x;
    size_t x_stride;
    int n_tokens;
    int n_head;
    int d_head;
    const float * turns;  // [n_tokens][2 * d_head]
    bool halves;
    float * dst;  // [n_tokens][n_head * d_head]
};

// Softmax attention over ragged sequences: query rows q_offset[s]..q_offset[s+1]-1 of sequence s attend to key rows
// kv_offset[s]..kv_offset[s+1]-1. If causal, query i of a sequence sees keys 0..i. Head h of a row occupies floats [h *
// d_head, (h + 1) * d_head). Scores are scaled by 1/sqrt(d_head)
// unless `unscaled`.
struct attention_args {
    const float * q;
    size_t q_stride;
    const float * k;
    size_t k_stride;
    const float * v;
    size_t v_stride;
    float * dst;
    size_t dst_stride;          // as for q
    const int32_t * q_offset;   // [n_seq + 1]
    const int32_t * kv_offset;  // [n_seq + 1]
    int n_seq;
    int max_kv;  // longest key sequence
    int n_head;
    int d_head;
    bool causal;
    void * scratch;         // attention_scratch_size(...) bytes, 64-byte aligned
    const int32_t * n_key;  // [n_seq], a sequence has as many keys: its first rows; null: all rows
    // ALiBi: head h subtracts slopes[h] * |positions[query row] - positions[key row]| from its scores; query rows are
    // then the key rows, as with distance_bias. Null: subtracts nothing.
    const float * slopes;       // [n_head]
    const int32_t * positions;  // [kv_offset[n_seq]]
    // Null, or [n_head][2 * max_distance + 1]: what is added to a scaled score by positions[key row] - positions[query
    // row], which counts as -max_distance or max_distance beyond.
    const float * distance_bias;
    int max_distance;
    bool unscaled;  // scores are not divided by sqrt(d_head)
    bool rounds;    // q, k, v and the weights of values may be rounded to 13 bits (levels that multiply such words)

    int keys(int s) const { return n_key ? n_key[s] : kv_offset[s + 1] - kv_offset[s]; }
};

// Depthwise convolution of images whose pixels are rows of channels: x [n_image * height * width][n_channel]. Each
// channel has n_plane kernels; output channel c * n_plane + p is unary(sum of x * w + bias) with kernel (p, c). Outside
// the image x is 0.
struct depthwise_args {
    const float * x;
    int n_image, width, height, n_channel, n_plane;
    int kernel_x, kernel_y, stride, pad_x, pad_y;
    const float * w;     // [kernel_y * kernel_x][n_plane][n_channel]
    const float * bias;  // [n_plane][n_channel]
    unary op;
    float * dst;  // [n_image * out_height * out_width][n_channel * n_plane]
    int out_width, out_height;
    void * scratch;  // depthwise_scratch_size(...) bytes, 64-byte aligned
};

// dst[r][i] = unary(x[r][i] / (1 + e^-gate[r / n_rows_of_gate][i])); a null gate: unary(x[r][i])
struct gate_args {
    const float * x;
    int n_rows, n;
    const float * gate;
    int n_rows_of_gate;
    unary op;
    float * dst;
};

struct kernel_table {
    cpu_level level;
    const char * name;

    // Size in bytes of a packed [n_out][n_in] matrix. n_in must be a multiple of 32 for the q types and at most
    // max_i8_inputs for i8; other types accept any n_in.
    size_t (*packed_size)(weight_type type, int n_out, int n_in);
    // `rows`: the plain matrix in ggml's layout (i8: f32, 4-byte aligned), one row every `row_bytes`. `dst` is 64-byte
    // aligned.
    void (*pack)(weight_type type, int n_out, int n_in, const void * rows, size_t row_bytes, void * dst);

    // Size in bytes of n_tokens packed activation rows for weights of `type`. For the q types zeros fill the last block
    // of a row, for a matrix whose rows end with as many zeros.
    size_t (*activations_size)(weight_type type, int n_tokens, int n_in);
    void (*pack_activations)(weight_type type, const float * x, size_t x_stride, int n_tokens, int n_in, void * dst,
                             int ith, int nth);
    // LayerNorm that writes packed activations directly (and also args.dst, if set).
    void (*layer_norm_pack)(weight_type type, const norm_args & args, void * dst, int ith, int nth);

    void (*linear)(const linear_args & args, int ith, int nth);
    // Linear layer feeding one other layer: writes its result to `packed` exactly as pack_activations would for weights
    // of type `next`; residual and dst are unused. Both types must be block-quantised (`in_blocks`). Null for levels
    // that lack it.
    void (*linear_pack)(const linear_args & args, weight_type next, void * packed, int ith, int nth);
    void (*layer_norm)(const norm_args & args, int ith, int nth);
    void (*rotate)(const rotate_args & args, int ith, int nth);
    size_t (*attention_scratch_size)(int max_kv, int d_head, int nth);
    void (*attention)(const attention_args & args, int ith, int nth);
    size_t (*depthwise_scratch_size)(const depthwise_args & args, int nth);
    void (*depthwise)(const depthwise_args & args, int ith, int nth);
    void (*gate)(const gate_args & args, int ith, int nth);

    // Benchmark: runs only the multiply-adds for matrices of this type, 16 to 1000 times n, at the CPU's peak rate.
    // Returns the number of operations (a multiply-add counts as two).
    double (*peak)(weight_type type, int n);
};

// The best level this machine supports. Where that is amx, it asks the system for the permission to use tile registers.
cpu_level best_level();
// False on an x86-64 CPU below level 2 of its psABI (SSE4.2, POPCNT): other libraries' binaries may not run there.
bool has_x86_64_v2();
// Whether this binary, the CPU and the operating system have what the level needs.
bool has_level(cpu_level level);
// Null without it; `why` then says what is missing, to follow "level 'avx2'". amx: asks the system for this process's
// permission to use tile registers, and is null if it is refused.
const kernel_table * kernels_for(cpu_level level, const char ** why = nullptr);
const char * level_name(cpu_level level);                // "avx2", "avx512-vnni", ...
bool parse_level(const char * name, cpu_level * level);  // false: unknown name

}  // namespace ggclip::kernels
