// Checkpoints that a publisher's own code writes: their tensors under the names that OpenCLIP has for them.
#pragma once

#include "formats/containers/raw-tensor.h"

namespace ggclip {

// true: MobileCLIP as apple/ml-mobileclip saves it (mobileclip_s0.pt and others), or the Perception Encoder as
// facebookresearch/perception_models does (PE-Core-B16-224.pt)
bool has_publisher_names(const tensor_table & table);

// Of such a checkpoint. Names that are not known stay, so that nothing is taken for something else. Throws
// TENSOR_DUPLICATE.
tensor_table with_open_clip_names(const tensor_table & table);

}  // namespace ggclip
