// How a name table is written, and the origins it leads to; and the schemes that have files of their own.
#pragma once

#include "formats/layout/names/tensors.h"

#include <cstring>

namespace ggclip {

// A family's names for a part. Parts of a block omit the block's prefix.
struct part_name {
    const char * part;
    const char * vision;  // null: same as `text`
    const char * text;
};

template <size_t N>
inline std::string find_part(const part_name (&table)[N], const expected_tensor & tensor) {
    for (const part_name & entry : table)
        if (tensor.part == entry.part) return tensor.tower == 'v' && entry.vision ? entry.vision : entry.text;
    return "";
}

inline std::string with_suffix(const std::string & name, const char * suffix) {
    return *suffix ? name + "." + suffix : name;
}

inline tensor_origin whole(const std::string & name) {
    tensor_origin origin;
    origin.name = name;
    return origin;
}

// One of `count` equal parts of a tensor's rows.
inline tensor_origin rows_of(const std::string & name, int index, int count) {
    tensor_origin origin = whole(name);
    origin.slice = index;
    origin.n_slices = count;
    return origin;
}

// 0, 1, 2 for ...attn_q, ...attn_k, ...attn_v, otherwise -1
inline int third_of(const std::string & part) {
    const char * const parts[] = {"attn_q", "attn_k", "attn_v"};
    for (int i = 0; i < 3; i++) {
        const size_t at = part.size() < 6 ? std::string::npos : part.size() - 6;
        if (at != std::string::npos && part.compare(at, 6, parts[i]) == 0) return i;
    }
    return -1;
}

// vit.cpp
tensor_origin dinov2_origin(const expected_tensor & tensor, const source_names & names);
tensor_origin dinov3_origin(const expected_tensor & tensor, const source_names & names);
tensor_origin aimv2_origin(const expected_tensor & tensor, const source_names & names);
tensor_origin blip_origin(const expected_tensor & tensor);
tensor_origin tips_origin(const expected_tensor & tensor, const source_names & names);
tensor_origin tips_own_origin(const expected_tensor & tensor, const source_names & names);
tensor_origin eva_origin(const expected_tensor & tensor, const source_names & names);

}  // namespace ggclip
