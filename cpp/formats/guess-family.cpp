#include "formats/inspect.h"

#include "engine/names.h"

namespace ggclip {

namespace {

struct sign {
    const char * part;  // of a tensor's name
    const char * family;
};

// The first that fits decides: from the particular to the general.
const sign signs[] = {
    {"text_model.pooler.dense", "vision-text-dual-encoder (Hugging Face)"},
    {"text_model.roberta.", "AltCLIP (Hugging Face)"},
    {"vision_model.blocks.0.attn.", "jina-clip (Hugging Face)"},
    {"text_model.transformer.", "text tower of jina-clip (Hugging Face)"},
    {"text_encoder.encoder.layer.0.crossattention", "BLIP (Hugging Face)"},
    {"text_decoder.resblocks.0.", "CoCa (OpenCLIP)"},
    {"text_model.encoder.layer.0.attention.self", "Chinese-CLIP (Hugging Face)"},
    {"vision_model.head.probe", "SigLIP (Hugging Face)"},
    {"vision_model.encoder.layers.0.", "CLIP (Hugging Face)"},
    {"text_model.encoder.layers.0.", "text tower of CLIP or SigLIP (Hugging Face)"},
    {"vision_model.head.output_proj", "AIMv2 (Hugging Face)"},
    {"vision_encoder.blocks.0.ls1", "TIPS (Google)"},
    {"vision_model.encoder.layer.0.layer_scale1", "TIPS (Hugging Face)"},
    {"encoder.layer.0.layer_scale1.lambda1", "DINOv2 (Hugging Face)"},
    {"layer.0.layer_scale1.lambda1", "DINOv3 (Hugging Face)"},
    {"visual.trunk.", "OpenCLIP with an image tower of timm"},
    {"visual.layer1.", "CLIP with a ResNet"},
    {"visual.blocks.0.attn.q_proj", "EVA-CLIP"},
    {"visual.transformer.resblocks.0.", "OpenAI or OpenCLIP"},
    {"text.transformer.embeddings.", "OpenCLIP with a text tower of Hugging Face"},
    {"image_encoder.model.", "MobileCLIP (Apple)"},
    {"LinearTransformation.weight", "M-CLIP text tower"},
    {"mm.", "projector of a multimodal language model (llama.cpp)"},
    {"v.blk.0.", "CLIP in GGUF"},
    {"t.blk.0.", "CLIP text tower in GGUF"},
    {"lm_head.weight", "language model"},
    {"model.layers.0.self_attn", "language model"},
    {"blk.0.attn_q.weight", "language model in GGUF"},
    {"down_blocks.0.", "diffusion model"},
    {"encoder.layer.0.attention.self", "BERT"},
};

std::string value_of(const std::vector<inspected_key> & keys, const char * name) {
    for (const inspected_key & key : keys)
        if (key.name == name) return key.value;
    return "";
}

}  // namespace

std::string guess_family(const tensor_table & table, const std::vector<inspected_key> & keys) {
    const std::string architecture = value_of(keys, names::architecture);
    if (!value_of(keys, names::projector_type).empty() || !value_of(keys, names::vision_projector_type).empty() ||
        value_of(keys, names::llava_projector) == "true")
        return "projector of a multimodal language model (llama.cpp)";
    if (architecture == "clip" && !value_of(keys, names::layout).empty()) {
        const std::string family = value_of(keys, names::family);
        return (family.empty() ? "CLIP" : family) + " in ggclip's GGUF layout";
    }
    if (architecture == "clip" && !value_of(keys, names::has_vision).empty()) return "CLIP in clip.cpp's GGUF layout";
    if (architecture == "vit" || architecture == "clip_text") {
        return std::string("one tower of ") +
               (value_of(keys, "vit.model_type") == "siglip" ? "SigLIP" : "CLIP or SigLIP") +
               " in CrispEmbed's GGUF layout";
    }
    for (const sign & candidate : signs) {
        for (const auto & entry : table.tensors)
            if (entry.first.find(candidate.part) != std::string::npos) return candidate.family;
    }
    const bool timm = value_of(keys, "model_type").empty() && !value_of(keys, "architecture").empty();
    if (timm && architecture.empty()) return "image tower of timm";
    return architecture.empty() ? "unknown" : "GGUF of architecture " + architecture;
}

}  // namespace ggclip
