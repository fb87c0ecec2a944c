// The rules are those by which people use such files. ComfyUI (comfy/sd.py, comfy/clip_vision.py) tells OpenAI's
// CLIP-L from OpenCLIP's H and bigG by the number of blocks; head sizes other than 64 are those of open_clip's
// src/open_clip/model_configs.
#include "formats/families/implied-config.h"

#include "engine/error.h"
#include "formats/layout/limits.h"
#include "formats/layout/measure-tensors.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace ggclip {

namespace {

// Values per head of SigLIP's SO400M, OpenCLIP's image towers H, g and bigG, SigLIP 2's giant-opt; else 64.
int32_t head_size(int32_t width) {
    switch (width) {
        case 1152: return 72;
        case 1280: return 80;
        case 1408: return 88;
        case 1536: return 96;
        case 1664: return 104;
        default: return 64;
    }
}

// Towers narrower than any published one of MobileCLIP or the Perception Encoder are test models, whose heads have 16
// values.
constexpr int32_t narrow_head = 16;

bool contains(const std::string & text, const char * part) { return text.find(part) != std::string::npos; }

class config_writer {
  public:
    config_writer(const tensor_table & table, const std::string & file) : table_(table) {
        for (const char c : file) file_ += (char) std::tolower((unsigned char) c);
    }

    implied_config run() {
        implied_config out;
        const std::string vision = has("vision_model.embeddings.patch_embedding.weight") ? "vision_model." : "",
                          text = has("text_model.embeddings.token_embedding.weight") ? "text_model." : "";
        const bool has_vision = has(vision + "embeddings.patch_embedding.weight"),
                   has_text = has(text + "embeddings.token_embedding.weight");
        if (has_vision || has_text) {
            const bool siglip = has_vision ? !has(vision + "embeddings.class_embedding") : has(text + "head.weight");
            const bool later = is_open_clips(vision, text, has_vision, has_text);
            out.hugging_face = siglip ? siglip_config(vision, text, has_vision, has_text)
                                      : clip_config(vision, text, has_vision, has_text, later ? "gelu" : "quick_gelu");
            out.pads_with_zero = !siglip && later;
        } else if (has("visual.conv1.weight") || is_mobile() || is_mobile_vit() || is_perception() ||
                   has("token_embedding.weight") || has("text.token_embedding.weight")) {
            out.open_clip = open_clip_config();
            out.any_grid = is_fastvit();
        }
        return out;
    }

  private:
    bool has(const std::string & name) const { return has_tensor(table_, name); }

    int32_t extent(const std::string & name, size_t n_dims, size_t dim, int64_t max) const {
        return extent_of(table_, name, n_dims, dim, max);
    }

    // Patches a side: a square number of them, and the class token.
    int32_t grid(const std::string & positions, bool class_token, size_t n_dims = 2) const {
        const int32_t n = extent(positions, n_dims, 1, limits::max_tokens) - (class_token ? 1 : 0);
        const auto side = (int32_t) std::lround(std::sqrt((double) n));
        if (side * side == n && side > 0) return side;
        throw_error(error_code::TENSOR_SHAPE, table_.tensors.at(positions).path + ": tensor " + positions +
                                                  ": expected a square number of patches, found " + std::to_string(n));
    }

    // OpenCLIP's H and bigG, which were trained with the exact GELU, under transformers' names.
    bool is_open_clips(const std::string & vision, const std::string & text, bool has_vision, bool has_text) const {
        return (has_text && count_blocks(table_, text + "encoder.layers.") >= 23) ||
               (has_vision && count_blocks(table_, vision + "encoder.layers.") >= 32) || contains(file_, "clip_g") ||
               contains(file_, "clip_h");
    }

    // Members that both families' configurations share; `blocks`: prefix of the blocks.
    std::string hf_tower(const std::string & prefix, int32_t width, int32_t head, const char * act) const {
        const std::string blocks = prefix + "encoder.layers.";
        return print_text(
            "\"hidden_size\":%d,\"num_attention_heads\":%d,\"num_hidden_layers\":%d,"
            "\"intermediate_size\":%d,\"hidden_act\":\"%s\"",
            width, std::max(1, width / head), std::max(1, count_blocks(table_, blocks)),
            extent(blocks + "0.mlp.fc1.weight", 2, 1, limits::max_ff), act);
    }

    std::string hf_vision(const std::string & prefix, bool class_token, const char * act) const {
        const std::string patches = prefix + "embeddings.patch_embedding.weight";
        const int32_t width = extent(patches, 4, 3, limits::max_width),
                      patch = extent(patches, 4, 0, limits::max_patch);
        return hf_tower(prefix, width, head_size(width), act) +
               print_text(",\"patch_size\":%d,\"image_size\":%d", patch,
                          patch * grid(prefix + "embeddings.position_embedding.weight", class_token));
    }

    // Heads of CLIP's text towers have 64 values, SigLIP's are its image tower's.
    std::string hf_text(const std::string & prefix, bool siglip, const char * act) const {
        const std::string table = prefix + "embeddings.token_embedding.weight";
        const int32_t width = extent(table, 2, 0, limits::max_width), n_vocab = extent(table, 2, 1, limits::max_vocab);
        // the end token of the public vocabulary; with others the highest id pools, which 2 stands for
        const int32_t eos = n_vocab >= 49408 ? 49407 : 2;
        return hf_tower(prefix, width, siglip ? head_size(width) : 64, act) +
               print_text(",\"vocab_size\":%d,\"max_position_embeddings\":%d,\"eos_token_id\":%d", n_vocab,
                          extent(prefix + "embeddings.position_embedding.weight", 2, 1, limits::max_ctx),
                          siglip ? 1 : eos);
    }

    std::string clip_config(const std::string & vision, const std::string & text, bool has_vision, bool has_text,
                            const char * act) const {
        if (has_vision && has_text) {
            return "{\"model_type\":\"clip\",\"vision_config\":{" + hf_vision(vision, true, act) +
                   "},\"text_config\":{" + hf_text(text, false, act) + "}}";
        }
        if (has_vision) {
            return "{\"model_type\":\"clip_vision_model\",\"architectures\":[\"CLIPVisionModel\"]," +
                   hf_vision(vision, true, act) + "}";
        }
        return "{\"model_type\":\"clip_text_model\",\"architectures\":[\"CLIPTextModel\"]," +
               hf_text(text, false, act) + "}";
    }

    std::string siglip_config(const std::string & vision, const std::string & text, bool has_vision,
                              bool has_text) const {
        const char * act = "gelu_pytorch_tanh";
        if (has_vision && has_text) {
            return "{\"model_type\":\"siglip\",\"vision_config\":{" + hf_vision(vision, false, act) +
                   "},\"text_config\":{" + hf_text(text, true, act) + "}}";
        }
        if (has_vision) {
            const bool pools = has(vision + "head.probe");
            return "{\"model_type\":\"siglip_vision_model\",\"vision_use_head\":" +
                   std::string(pools ? "true" : "false") + "," + hf_vision(vision, false, act) + "}";
        }
        return "{\"model_type\":\"siglip_text_model\"," + hf_text(text, true, act) + "}";
    }

    // MobileCLIP's FastViT, or its ViT after convolutions.
    bool is_mobile() const { return is_fastvit() || has("visual.trunk.patch_embed.backbone.0.conv.weight"); }
    bool is_fastvit() const { return has_prefix(table_, "visual.trunk.stem.0."); }

    // The L-14 of MobileCLIP and MobileCLIP2: CLIP's ViT, so that only the file's name tells.
    bool is_mobile_vit() const { return contains(file_, "mobileclip") && has("visual.trunk.norm_pre.weight"); }

    // As open_clip has them (src/open_clip/model_configs, pretrained.py); S3 and S4 have five stages.
    std::string mobile_tower() const {
        return print_text("\"timm_model_name\":\"%s\",\"timm_pool\":\"%s\",\"timm_proj\":null,\"image_size\":%d",
                          is_fastvit() ? "fastvit_mci" : "vit_base_mci_224", is_fastvit() ? "avg" : "token",
                          is_fastvit() ? 256 : 224);
    }

    std::string mobile_vit_tower() const {
        const std::string patches = "visual.trunk.patch_embed.proj.weight";
        const int32_t width = extent(patches, 4, 3, limits::max_width);
        return print_text(
            "\"timm_model_name\":\"vit_large_patch14_clip_224\",\"timm_model_kwargs\":{\"num_heads\":%d},"
            "\"timm_pool\":\"token\",\"timm_proj\":null,\"image_size\":%d",
            std::max(1, width / (width < 192 ? narrow_head : head_size(width))),
            extent(patches, 4, 0, limits::max_patch) * grid("visual.trunk.pos_embed", true, 3));
    }

    std::string mobile_preprocessing() const {
        if (has_prefix(table_, "visual.trunk.stages.4.")) return "\"interpolation\":\"bilinear\"";
        return "\"mean\":[0,0,0],\"std\":[1,1,1],\"interpolation\":\"bilinear\"";
    }

    bool is_perception() const { return has("visual.trunk.attn_pool.latent"); }

    // PE_VISION_CONFIG of perception_models (core/vision_encoder/config.py): all have a class token but G.
    std::string perception_tower() const {
        const std::string patches = "visual.trunk.patch_embed.proj.weight", positions = "visual.trunk.pos_embed";
        const int32_t width = extent(patches, 4, 3, limits::max_width),
                      patch = extent(patches, 4, 0, limits::max_patch);
        const bool class_token = has("visual.trunk.cls_token");
        return print_text(
            "\"timm_model_name\":\"%s\",\"timm_model_kwargs\":{\"num_heads\":%d},\"timm_pool\":"
            "\"map\",\"timm_proj\":null,\"image_size\":%d",
            class_token ? "vit_pe_core_base_" : "vit_pe_core_gigantic_",
            std::max(1, width / (width < 192 ? narrow_head : head_size(width))),
            patch * grid(positions, class_token, 3));
    }

    std::string preprocessing() const {
        if (is_perception())
            return "\"mean\":[0.5,0.5,0.5],\"std\":[0.5,0.5,0.5],\"interpolation\":\"bilinear\",\"resize_mode\":"
                   "\"squash\"";
        return is_mobile() ? mobile_preprocessing() : "";
    }

    int32_t mobile_dim() const {
        const std::string head = "visual.trunk.head.";
        if (has(head + "proj")) return extent(head + "proj", 2, 0, limits::max_proj);
        return extent(head + (is_fastvit() ? "fc.weight" : "weight"), 2, 1, limits::max_proj);
    }

    std::string open_clip_config() const {
        std::string vision, text;
        int32_t dim = 1;
        if (is_perception()) {
            dim = extent("visual.trunk.head.proj", 2, 0, limits::max_proj);
            vision = perception_tower();
        } else if (is_mobile()) {
            dim = mobile_dim();
            vision = mobile_tower();
        } else if (is_mobile_vit()) {
            dim = mobile_dim();
            vision = mobile_vit_tower();
        } else if (has("visual.layer1.0.conv1.weight")) {
            dim = extent("visual.attnpool.c_proj.weight", 2, 1, limits::max_proj);
            vision = print_text("\"layers\":[1,1,1,1],\"image_size\":%d",  // only that it is a list counts
                                32 * grid("visual.attnpool.positional_embedding", true));
        } else if (has("visual.conv1.weight")) {
            const int32_t width = extent("visual.conv1.weight", 4, 3, limits::max_width),
                          patch = extent("visual.conv1.weight", 4, 0, limits::max_patch);
            dim = extent("visual.proj", 2, 0, limits::max_proj);
            vision = open_clip_tower("visual.", width) +
                     print_text(",\"head_width\":%d,\"patch_size\":%d,\"image_size\":%d", head_size(width), patch,
                                patch * grid("visual.positional_embedding", true));
            if (has("visual.attn_pool.query")) vision += ",\"attentional_pool\":true";  // CoCa
        }
        const std::string prefix = has("text.token_embedding.weight") ? "text." : "";
        const std::string table = prefix + "token_embedding.weight";
        if (has("text.transformer.embeddings.word_embeddings.weight")) {
            text = roberta_tower();
        } else if (has(table)) {
            const int32_t width = extent(table, 2, 0, limits::max_width);
            const bool class_token = has(prefix + "cls_emb");  // CoCa's, which has a row of the positions
            dim = extent(prefix + "text_projection", 2, 0, limits::max_proj);
            const bool published = is_mobile() || is_mobile_vit() || is_perception();
            const int32_t head = width < 512 && published ? narrow_head : 64;
            text = open_clip_tower(prefix, width) +
                   print_text(",\"heads\":%d,\"vocab_size\":%d,\"context_length\":%d", std::max(1, width / head),
                              extent(table, 2, 1, limits::max_vocab),
                              extent(prefix + "positional_embedding", 2, 1, limits::max_ctx) - (class_token ? 1 : 0));
            if (class_token) text += ",\"embed_cls\":true";
            if (is_fastvit() || is_mobile_vit()) text += ",\"no_causal_mask\":true";
        }
        const bool is_quick = contains(file_, "quickgelu") || contains(file_, "openai");
        return print_text("{\"model_cfg\":{\"embed_dim\":%d,%s\"vision_cfg\":{", dim,
                          is_quick ? "\"quick_gelu\":true," : "") +
               vision + "},\"text_cfg\":{" + text + "}},\"preprocess_cfg\":{" + preprocessing() + "}}";
    }

    // LAION's multilingual models, as open_clip has them (src/open_clip/model_configs): the name tells the heads.
    std::string roberta_tower() const {
        const int32_t width = extent("text.transformer.embeddings.word_embeddings.weight", 2, 0, limits::max_width);
        return print_text("\"hf_model_name\":\"xlm-roberta-%s\",\"hf_proj_type\":\"%s\"",
                          width < 1024 ? "base" : "large", has("text.proj.weight") ? "linear" : "mlp");
    }

    std::string open_clip_tower(const std::string & prefix, int32_t width) const {
        const std::string blocks = prefix + "transformer.resblocks.";
        const int32_t n_ff = extent(blocks + "0.mlp.c_fc.weight", 2, 1, limits::max_ff);
        return print_text("\"width\":%d,\"layers\":%d,\"mlp_ratio\":%.17g", width,
                          std::max(1, count_blocks(table_, blocks)), ((double) n_ff + 0.25) / width);
    }

    const tensor_table & table_;
    std::string file_;  // lower case
};

}  // namespace

implied_config config_of(const tensor_table & table, const std::string & file) {
    return config_writer(table, file).run();
}

}  // namespace ggclip
