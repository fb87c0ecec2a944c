// A model's description as data. Format readers fill these structures; graph builders read them. Compute code never
// checks a model's name: every difference between families is a field here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace ggclip {

enum class activation { none, quick_gelu, gelu_erf, gelu_tanh, silu, relu, tanh };

// How a tower's last hidden states become the embedding.
enum class pooling {
    cls,         // first token (class token)
    eot,         // text: first token with id eos_id, or the highest id when eos_id < 0
    last,        // last position of the padded sequence
    attention,   // SigLIP: one learned query attends to all tokens, then an MLP
    mean,        // image: mean of the patches (without the class token); text: mean of the real tokens
    mean_query,  // ResNet: the mean of the patches is put before them and attends to all
    none,        // image: saved without the head that pools, for its tokens' states only; graphs take the first token
};

enum class resize_mode {
    shortest,  // shortest edge to size, then centre crop
    squash,    // to the exact size, ignoring the aspect ratio
    longest,   // longest edge to size, then centred padding
    patches,   // aspect ratio kept, whole patches, as large as the patch limit allows (SigLIP2 NaFlex)
    none,      // the reference's own way is not computed here: only tensors are taken
};

enum class interpolation { nearest, bilinear, bicubic };

// How the reference rounds the offset of a centre crop when the margin is odd.
enum class crop_rounding { floor, half_even };  // Hugging Face; open_clip

enum class text_cleaning {
    whitespace_lower,  // NFC, white space collapsed, lower case (Hugging Face CLIPTokenizer)
    open_clip,         // ftfy, HTML entities twice, white space, lower case (open_clip `lower`)
    canonicalize,      // SigLIP: lower case, punctuation removed, white space collapsed
    none,
    repair,               // like open_clip, case kept (open_clip's `whitespace`, for tokenizers of other families)
    repair_lower,         // like open_clip, for tokenizers of other families
    lower,                // lower case only (SigLIP2)
    repair_canonicalize,  // open_clip's `canonicalize` before another family's tokenizer, whatever that one does
};

// Position of a block's two norms: before attention and MLP (CLIP), after each residual sum (BERT), or of each branch
// before its sum (EVA's post-norm).
enum class norm_order { pre, post, branch };

// LayerNorm, or RMSNorm, which subtracts no mean and adds no bias.
enum class norm_kind { layer, rms };

// Rotary positions (Su et al. 2021): queries and keys are turned in pairs of a head's values, by angles that depend on
// the token's position. The pairs: neighbours (2i, 2i + 1), or halves (i, i + d_head / 2).
enum class rotary_pairs { none, neighbours, halves };

// How the position table is resized to an image's grid: torch's F.interpolate, with antialias or without.
enum class grid_filter { bilinear_antialias, bicubic_antialias, bicubic };

// Coordinates of a patch for its rotary angles: its row and column (EVA), or the place of its centre between -1 and 1,
// in turns (DINOv3).
enum class rotary_coordinates { index, centered };

// A block with its own pruned sizes (TinyCLIP's `auto` models).
struct block_hparams {
    int32_t n_head = 0;
    int32_t n_ff = 0;
};

struct tower_hparams {
    bool present = false;
    int32_t n_embd = 0;   // width of the residual stream
    int32_t n_layer = 0;  // transformer blocks
    int32_t n_head = 0;
    int32_t d_head = 0;  // n_embd / n_head in every family so far; stored because pruning keeps it
    int32_t n_ff = 0;    // width of the MLP's hidden layer
    float eps = 1e-5f;   // of all norms
    activation act = activation::quick_gelu;
    norm_order order = norm_order::pre;
    norm_kind norm = norm_kind::layer;
    pooling pool = pooling::cls;
    bool has_pre_ln = false;       // LayerNorm of the embeddings, before the first block
    bool has_post_ln = true;       // LayerNorm after the last block
    bool norm_after_pool = false;  // post_ln on the pooled vector; otherwise on every token before pooling
    bool has_qkv_bias = true;
    bool has_k_bias = true;    // with has_qkv_bias; EVA has biases of queries and values only
    bool has_out_bias = true;  // of the attention's output
    bool has_mlp_bias = true;
    bool has_mlp_first_bias = true;  // with has_mlp_bias; JinaBERT's gate and values have none, its last matrix has one
    bool has_mlp_gate = false;       // the MLP's hidden values are act(gate(x)) * up(x): SwiGLU, GEGLU
    bool has_mlp_norm = false;       // norm of the MLP's hidden values (sub-LN of EVA02)
    bool has_mlp_in_norm = false;    // a second norm of the MLP's input (ViTamin)
    bool has_attn_norm = false;      // norm of all heads' outputs together (likewise)
    bool has_qk_norm = false;        // norms of each head's query and key
    bool scales_scores = true;       // the attention's scores are divided by the square root of d_head
    bool has_positions = true;       // a table of positions, added to the tokens
    rotary_pairs rotary = rotary_pairs::none;
    float rotary_base = 10000.0f;
    bool has_layer_scale = false;  // learned factors on a block's two outputs, before the sums
    bool has_proj = true;          // linear map to the shared space (false: identity, n_embd == n_proj)
    bool has_proj_bias = false;
    bool pooled_output = false;  // the result is the pooled state of a tower that was saved without its projection
    int32_t n_proj_hidden = 0;   // > 0: the map is an MLP, n_embd -> n_proj_hidden -> act -> n_proj
    activation proj_act = activation::gelu_erf;
    bool has_proj_hidden_bias = false;
    std::vector<block_hparams> pruned;  // [n_layer] if blocks differ; empty: all use n_head and n_ff

    block_hparams block(int il) const { return pruned.empty() ? block_hparams{n_head, n_ff} : pruned[(size_t) il]; }
};

// A layer of a convolutional stem or tower. It turns a feature map into another; biases are always there.
enum class conv_kind {
    conv,        // convolution over all channels, activation
    depthwise,   // one kernel for each output channel (a multiple of the input's), squeeze and excitation, activation
    norm,        // LayerNorm of each pixel's channels, activation
    mlp,         // x + MLP(norm(depthwise convolution of x)): ConvNeXt, RepMixer's second half
    attention,   // x + attention(norm(x)) among an image's pixels
    pool,        // mean of each square of stride x stride pixels
    bottleneck,  // ResNet: 1 x 1, k x k and 1 x 1 convolutions; the stride is a pool before the last one
    mb_conv,     // MobileNet's inverted bottleneck: norm, 1 x 1, depthwise k x k, 1 x 1
};

struct conv_layer {
    conv_kind kind = conv_kind::conv;
    int32_t n_out = 0;   // channels
    int32_t kernel = 1;  // side; the edges are padded by half of it, unless the stride is as large
    int32_t stride = 1;
    int32_t n_ff = 0;       // width within an mlp, a bottleneck, an mb_conv; of a depthwise layer's squeeze (0: none)
    bool has_norm = false;  // of mlp and attention
    activation act = activation::none;

    int32_t padding() const { return kernel == stride ? 0 : kernel / 2; }
    int32_t out_size(int32_t size) const {
        if (kind == conv_kind::pool || kind == conv_kind::bottleneck) return size / stride;
        return (size + 2 * padding() - kernel) / stride + 1;
    }
};

struct vision_hparams : tower_hparams {
    int32_t image_size = 0;  // square input, pixels
    int32_t patch_size = 0;  // of a convolutional stem: pixels per side of one of its last map's
    int32_t n_channel = 3;
    bool has_class_embd = true;
    int32_t n_register = 0;  // learned tokens between the class token and the patches, without positions
    bool has_patch_bias = false;
    bool has_patch_norm = false;     // norm of the patches before positions are added (AIMv2)
    bool has_class_position = true;  // its first row is the class token's
    grid_filter position_filter = grid_filter::bilinear_antialias;  // with any_grid
    int32_t rotary_grid = 0;      // > 0: patches a side that rotary coordinates are scaled to
    float rotary_offset = 0;      // added to rotary coordinates before they are scaled
    bool rotary_x_first = false;  // the first half of the angles is the column's; otherwise the row's
    rotary_coordinates rotary_place = rotary_coordinates::index;
    // attention pooling
    int32_t n_pool = 0;          // width of its query and its result; 0: n_embd
    int32_t n_pool_head = 0;     // 0: n_head
    bool has_pool_norm = false;  // norms of the query and of the tokens (CoCa)
    int32_t n_pool_ff = 0;       // width of its MLP; 0: n_ff
    bool has_pool_query = true;  // a matrix of the learned query; otherwise it is used as it is
    bool has_pool_bias = true;   // of queries, keys and values
    bool has_pool_mlp = true;
    bool any_grid = false;           // any patch grid: the position table, n_grid() a side, is resized to each picture
    std::vector<conv_layer> layers;  // from the picture to the patches, or to the pooling if there are no blocks

    // Patches along a side of `size` pixels.
    int32_t n_grid(int32_t size) const {
        if (layers.empty()) return size / patch_size;
        for (const conv_layer & layer : layers) size = layer.out_size(size);
        return size;
    }
    int32_t n_grid() const { return n_grid(image_size); }
    int32_t n_patch() const { return n_grid() * n_grid(); }
    bool has_first() const { return has_class_embd || pool == pooling::mean_query; }
    int32_t n_prefix() const { return (has_first() ? 1 : 0) + n_register; }  // tokens before the patches
    int32_t n_class_position() const { return has_first() && has_class_position ? 1 : 0; }
    int32_t n_position() const { return n_patch() + n_class_position(); }  // rows of the table
    int32_t pool_width() const { return n_pool > 0 ? n_pool : n_embd; }
    int32_t pool_head() const { return n_pool_head > 0 ? n_pool_head : n_head; }
    int32_t pool_ff() const { return n_pool_ff > 0 ? n_pool_ff : n_ff; }
    int32_t n_token(int width, int height) const { return n_grid(width) * n_grid(height) + n_prefix(); }
    int32_t n_token() const { return n_token(image_size, image_size); }
};

struct text_hparams : tower_hparams {
    int32_t n_vocab = 0;
    int32_t n_ctx = 0;            // longest sequence, start and end tokens included
    int32_t n_position = 0;       // rows of the position table; 0: n_ctx
    int32_t position_offset = 0;  // row of the first token in the table (RoBERTa: 2)
    float embd_scale = 1.0f;      // factor of the token vectors, before the position vectors are added (M2M-100)
    int32_t n_token_type = 0;     // rows of the token type table; only the first is added (BERT); 0: none
    bool causal = true;           // a token attends only to itself and earlier tokens
    // > 0: ALiBi (Press et al. 2022). Head h of n, counted from 1, subtracts 2^(-max_alibi_bias h / n) times the
    // distance of two tokens from their score; see graph/positions/distance-bias.h where n is no power of two.
    float max_alibi_bias = 0;
    // > 0: each head adds to a score one of as many learned values, by the distance of the two tokens (see there);
    // beyond bucket_distance it is the last
    int32_t n_bucket = 0;
    int32_t bucket_distance = 128;
    // A learned token after the n_ctx tokens, which pools (CoCa). What follows a padding token is invisible to all, the
    // learned token too: open_clip's mask is shifted by one (TextTransformer, correct_cls_mask).
    bool has_class_embd = false;
    // > 0: a mixer of neighbouring tokens before the blocks and another after them, with kernels of as many tokens
    // (MobileCLIP S0)
    int32_t mixer_kernel = 0;
    int32_t n_mixer_ff = 0;     // width within the mixers' MLPs
    bool sees_padding = false;  // padding affects the result: sequences run at n_ctx; otherwise at their real length
    int32_t bos_id = -1;        // for token lists without a start token; -1: taken from the tokenizer
    int32_t eos_id = -1;        // the id that pools (eot); -1: pool at the highest id
    int32_t pad_id = 0;         // the reference's padding; -1: the token the tokenizer names
    text_cleaning cleaning = text_cleaning::whitespace_lower;

    int32_t n_positions() const { return (n_position > 0 ? n_position : n_ctx) + (has_class_embd ? 1 : 0); }
};

inline vision_hparams default_vision() {
    vision_hparams vision;
    vision.has_pre_ln = true;
    return vision;
}

// From decoded RGB to the image tower's input.
struct image_hparams {
    resize_mode mode = resize_mode::shortest;
    interpolation filter = interpolation::bicubic;
    crop_rounding rounding = crop_rounding::floor;
    int32_t resize = 0;  // shortest or longest edge, or the square's side for squash
    int32_t crop = 0;    // side of the square the tower sees; equals vision.image_size unless it takes any grid
    int32_t patch = 0;   // for `patches`: side of a patch, and max patches per picture
    int32_t max_patches = 0;
    std::array<float, 3> mean = {0.48145466f, 0.4578275f, 0.40821073f};  // OpenAI CLIP, clip/clip.py
    std::array<float, 3> std = {0.26862954f, 0.26130258f, 0.27577711f};
    std::array<uint8_t, 3> fill = {0, 0, 0};              // padding colour of `longest`
    std::array<uint8_t, 3> background = {255, 255, 255};  // under transparent pixels
};

struct hparams {
    std::string name;     // e.g. "openai/clip-vit-base-patch32"; may be empty
    std::string family;   // "clip", "siglip", ...: informational, never used by compute code
    std::string license;  // SPDX id when known
    std::string source;   // hub id or path it was converted from
    std::string revision;
    vision_hparams vision = default_vision();
    text_hparams text;
    image_hparams image;
    int32_t n_proj = 0;               // dimension of the shared space
    float logit_scale = 4.60517019f;  // natural log; ln 100 when the file has none (OpenAI's trained value)
    float logit_bias = 0.0f;
    bool sigmoid = false;  // SigLIP: probabilities by sigmoid instead of softmax
};

}  // namespace ggclip
