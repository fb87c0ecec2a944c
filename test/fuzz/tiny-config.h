// The configuration of the model in seeds/: CLIP, both towers 8 wide with one block.
#pragma once

namespace fuzz {

inline constexpr char tiny_config[] =
    R"({"model_type":"clip","projection_dim":8,"text_config":{"vocab_size":8,"hidden_size":8,"intermediate_size":8,)"
    R"("num_hidden_layers":1,"num_attention_heads":2,"max_position_embeddings":4,"bos_token_id":6,"eos_token_id":7},)"
    R"("vision_config":{"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,)"
    R"("image_size":5,"patch_size":2}})";

}  // namespace fuzz
