// Each source family's names for a model's tensors.
#pragma once

#include "engine/weights/model-source.h"
#include "engine/weights/tensor-list.h"
#include "formats/containers/raw-tensor.h"

#include <map>
#include <string>
#include <vector>

namespace ggclip {

enum class name_scheme {
    hf_clip,    // transformers' CLIPModel
    hf_siglip,  // transformers' SiglipModel, Siglip2Model: different names for text head and attention pooling
    open_clip,  // mlfoundations/open_clip, fused attention input, projections stored [in, out]
    timm,       // image tower: open_clip wrapping timm's VisionTransformer
    dinov2,     // image tower: transformers' Dinov2Model, also with registers
    dinov3,     // image tower: transformers' DINOv3ViTModel
    aimv2,      // transformers' Aimv2Model
    tips,       // image tower: transformers' Tipsv2VisionModel
    tips_own,   // the same as Google's files name it, after DINOv2's own code
    blip,       // image tower: transformers' BlipVisionModel
    eva,        // image tower: EVA02's authors' EVAVisionTransformer, as jina-clip has it
    bert,       // text tower: one of transformers' encoders
    ggclip,     // our own GGUF layout: the canonical names
    clip_cpp,   // clip.cpp's GGUF layout: like ours with the two MLP matrices' names swapped
};

// A tensor that follows from others of the file (folded-tensors.h).
struct made_tensor {
    raw_tensor raw;
    std::vector<std::string> from;  // names in the file
};

// Whose names the parts of a `bert` tower have; flash: flash_attn's BertModel, and the same with a gated MLP.
enum class encoder_names { bert, distilbert, m2m_100, t5, flash, flash_gated };

// Which of the adapters of a text tower is added to its matrices (merged-adapters.h).
struct adapter_choice {
    int32_t n_task = 0;  // adapters of each matrix; 0: there are none
    int32_t task = -1;   // the chosen one, or none
    int32_t rank = 0;
    double scale = 1;
};

// A file's tensor names for its two towers.
struct source_names {
    source_names(name_scheme both) : vision(both), text(both) {}
    source_names(name_scheme vision_scheme, name_scheme text_scheme) : vision(vision_scheme), text(text_scheme) {}

    name_scheme vision, text;
    std::string vision_begin, text_begin;         // what names of a tower begin with, unless empty
    std::string vision_prefix;                    // dinov2, dinov3, tips: prefix of every name ("", "dinov2.")
    bool dino_gate_packed = false;                // dinov2: mlp.weights_in holds the gate, then the values
    bool mlp_c_fc = false;                        // tips_own: mlp.c_fc and mlp.c_proj, as transformers saves it
    std::string text_prefix;                      // open_clip and bert: prefix of every name ("text.", "text_model.")
    bool computes_positions = false;              // the text's positions are sines and cosines, in no file
    bool vision_flat = false, text_flat = false;  // hf: single saved tower, without "vision_model." or "text_model."
    bool text_proj_is_module = false;             // open_clip: a Linear, [out, in], instead of a bare [in, out]
    bool vision_nested = false;                   // hf_clip: below a second "vision_model."
    bool layer_singular = false;                  // hf_clip: image blocks are encoder.layer.0, not encoder.layers.0
    bool linear_patches = false;                  // hf_siglip: the patch embedding is a Linear over (y, x, channel)
    bool pre_layernorm = false;                   // hf_clip: spelt so (OWL-ViT), not pre_layrnorm
    int32_t n_pool_query = 0;                     // open_clip: rows of the attention pooling's queries
    bool pool_qkv_apart = false;                  // open_clip: its q, k and v have matrices of their own
    int32_t trained_grid = 0;                     // > 0: side of the grid whose image positions the file has
    std::vector<std::string> other_paths;         // tensors within a tower that only other ways through it read
    bool timm_fc_norm = false;                    // timm: the last norm is named fc_norm
    std::string timm_proj, timm_proj_hidden;      // timm: projection module, or its two
    bool timm_proj_bare = false;                  // a parameter instead, used as x @ P (Apple's MobileCLIP)
    // timm's EVA: q_proj, k_proj, v_proj instead of qkv; q_bias and v_bias beside qkv; gamma_1 instead of ls1.gamma;
    // fc1_g and fc1_x, or one matrix fc1 for the gate and then the values
    bool timm_qkv_apart = false, timm_bias_apart = false, timm_gamma = false, timm_gate_apart = false,
         timm_gate_packed = false;
    bool timm_geglu = false;  // timm's ViTamin: w0 (the gate), w1, w2, and norm before them
    std::string bert_proj, bert_proj_hidden, bert_post_ln;
    adapter_choice adapter;
    bool eva_apart = false;  // eva: q_proj, k_proj, v_proj instead of qkv
    bool eva_gated = false;  // eva: w1 (the gate), w2, w3 instead of fc1, fc2
    std::string eva_proj;
    encoder_names encoder = encoder_names::bert;
    bool t5_plain_mlp = false;                // its MLPs have no gate
    std::map<std::string, made_tensor> made;  // by canonical name; all other names say where a tensor is in the file
};

// Location of a tensor in a family's file.
struct tensor_origin {
    std::string name;
    int slice = 0, n_slices = 1;  // part `slice` of n_slices equal parts of the rows (fused q, k, v)
    bool row = false;             // a vector stored as one of n_slices rows of a matrix
    bool transposed = false;      // stored as [ne1, ne0]
    bool channels_last = false;   // a patch embedding as [patch * patch * channel, n_embd], channels fastest
};
tensor_origin origin_of(const expected_tensor & tensor, const source_names & names);

// --- publishers.cpp: checkpoints that a publisher's own code writes: their tensors under open_clip's names
// ------------

// true: MobileCLIP as apple/ml-mobileclip saves it (mobileclip_s0.pt and others), or the Perception Encoder as
// facebookresearch/perception_models does (PE-Core-B16-224.pt)
bool has_publisher_names(const tensor_table & table);

// Of such a checkpoint. Names that are not known stay, so that nothing is taken for something else. Throws
// TENSOR_DUPLICATE.
tensor_table with_open_clip_names(const tensor_table & table);

}  // namespace ggclip
