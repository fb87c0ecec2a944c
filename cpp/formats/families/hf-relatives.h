// Families of transformers whose towers are CLIP's or SigLIP's: CLIPSeg, OWL-ViT, OWLv2, FG-CLIP. Their tasks' own
// heads lie outside the towers.
#pragma once

#include "engine/hparams.h"
#include "formats/containers/json.h"
#include "formats/families/hf-preprocessor.h"
#include "formats/layout/tensor-names.h"

#include <string>

namespace ggclip {

// The model_type of the family whose towers these are: "owlvit_text_model" -> "clip_text_model". Others: unchanged.
std::string base_type(const std::string & type);

// OwlViTVisionConfig and Owlv2VisionConfig, where their defaults differ from CLIP's.
void read_owl_vision(const json_ref & config, bool v2, const tensor_table & table, vision_hparams & vision,
                     source_names & names);
// OwlViTTextConfig; the pooled token is the one with the highest id.
void read_owl_text(const json_ref & config, text_hparams & text);

// FG-CLIP: texts beyond the context are read through two position tables of their own, which others do not need.
void note_long_text(const json_ref & config, source_names & names);

// CLIPSeg's pictures may have another size than the tower was trained with: the positions are then resized.
void take_processor_size(hparams & hp, source_names & names);

// The image processor of a family, whose defaults apply where the file is silent. `type`: its own model_type.
image_defaults defaults_of(const std::string & type, const json_ref & processor);

}  // namespace ggclip
