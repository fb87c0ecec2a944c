// Tensors that no tower uses: harmless leftovers of training and conversion, or parts that ggclip does not compute.
#include "formats/layout/bind-tensors.h"

#include <algorithm>
#include <cstring>

namespace ggclip {

namespace {

template <size_t N>
bool begins_with_any(const std::string & name, const char * const (&starts)[N]) {
    return std::any_of(
        std::begin(starts), std::end(starts), [&](const char * start) { return begins_with(name, start); });
}

const char * const hf_vision[] = {"vision_model.", "visual_projection"};
const char * const blip_vision[] = {"vision_model.", "vision_proj"};
const char * const hf_text[] = {"text_model.", "text_projection"};
const char * const open_clip_text[] = {"transformer.", "token_embedding", "positional_embedding",
                                       "ln_final",     "text.",           "text_projection"};
const char * const gguf_vision[] = {"v.", "visual_projection"};
const char * const gguf_text[] = {"t.", "token_embd", "text_projection"};

// Constants saved with the weights, and training-only tokens: no embedding depends on them.
const char * const harmless[] = {"position_ids", "token_type_ids", "attn_mask", "num_batches_tracked", "mask_token"};

// BERT heads: unused, since the tower pools the last hidden states directly.
const char * const bert_heads[] = {"pooler.", "cls.", "lm_head."};

bool of_vision(const std::string & name, const source_names & names) {
    switch (names.vision) {
        case name_scheme::open_clip:
        case name_scheme::timm: return begins_with(name, "visual.");
        case name_scheme::dinov2:
        case name_scheme::dinov3:
        case name_scheme::tips:
        case name_scheme::tips_own: return begins_with(name, names.vision_prefix);
        case name_scheme::blip: return begins_with_any(name, blip_vision);
        case name_scheme::ggclip:
        case name_scheme::clip_cpp: return !begins_with_any(name, gguf_text);  // the file contains only the model
        default: return names.vision_flat ? !begins_with_any(name, hf_text) : begins_with_any(name, hf_vision);
    }
}

bool of_text(const std::string & name, const source_names & names) {
    switch (names.text) {
        case name_scheme::open_clip:
            return begins_with_any(name, open_clip_text) ||
                   (!names.text_prefix.empty() && begins_with(name, names.text_prefix));
        case name_scheme::ggclip:
        case name_scheme::clip_cpp: return !begins_with_any(name, gguf_vision);
        case name_scheme::bert:
            if (names.text_prefix == "text.transformer.")
                return begins_with(name, "text.");  // the projection is outside the transformer
            if (begins_with(names.text_prefix, "text_model.transformer.")) return begins_with_any(name, hf_text);
            return names.text_prefix.empty()
                       ? !begins_with_any(name, hf_vision)
                       : begins_with(name, names.text_prefix) || begins_with(name, names.bert_proj);
        default: return names.text_flat ? !begins_with_any(name, hf_vision) : begins_with_any(name, hf_text);
    }
}

bool is_harmless(const std::string & name, const source_names & names) {
    const std::string last = name.substr(name.rfind('.') + 1);
    if (std::any_of(std::begin(harmless), std::end(harmless), [&](const char * word) { return last == word; }))
        return true;
    if (std::find(names.other_paths.begin(), names.other_paths.end(), name) != names.other_paths.end()) return true;
    return names.text == name_scheme::bert && begins_with(name, names.text_prefix) &&
           begins_with_any(name.substr(names.text_prefix.size()), bert_heads);
}

}  // namespace

void refuse_leftovers(const tensor_table & table, const source_names & names, const hparams & hp,
                      const std::vector<std::string> & unused) {
    std::string first, tower;
    size_t count = 0;
    for (const std::string & name : unused) {
        const std::vector<int64_t> & ne = table.tensors.at(name).ne;
        if (std::find(ne.begin(), ne.end(), 0) != ne.end()) continue;  // no values: DINOv3 without registers
        const bool vision = hp.vision.present && of_vision(name, names);
        if ((vision || (hp.text.present && of_text(name, names))) && !is_harmless(name, names)) {
            tower = count == 0 ? (vision ? "image" : "text") : tower;
            first = count == 0 ? name : first;
            count++;
        }
    }
    if (count > 0) {
        const std::string more =
            count > 1 ? " (and " + std::to_string(count - 1) + " more tensors that nothing uses)" : "";
        throw_error(error_code::MODEL_UNSUPPORTED, table.tensors.at(first).path + ": tensor " + first + ": the " +
                                                       tower + " tower has a part that this version does not compute" +
                                                       more);
    }
}

}  // namespace ggclip
