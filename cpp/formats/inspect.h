// Describes a model file as far as possible, for people whose file may not load.
#pragma once

#include "engine/error.h"
#include "engine/hparams.h"
#include "formats/containers/raw-tensor.h"
#include "formats/read-options.h"

#include <string>
#include <vector>

namespace ggclip {

struct inspected_key {
    std::string name, kind, value;  // value: shortened
};

struct inspection {
    std::string path, format;         // "gguf", "safetensors", "torch" or "unknown"
    std::string family;               // for people: "OpenCLIP", "SigLIP (Hugging Face)", ...
    std::vector<std::string> files;   // that were read
    std::vector<inspected_key> keys;  // a GGUF file's, or the configuration's
    tensor_table tensors;
    bool is_loadable = false;
    bool loads_vision = false, loads_text = false;  // each tower, without the other if need be
    hparams hp;                                     // when loadable
    std::vector<std::string> missing;               // tensors, by their names in the file
    std::vector<std::string> ignored;
    std::vector<error> problems;
};

// Throws FILE_NOT_FOUND when nothing is at `path`, and ABORTED; everything else that is wrong is a problem of the
// inspection. Of `options` the towers are not looked at.
inspection inspect_model(const std::string & path, const read_options & options = {});

// From the names of tensors and keys alone.
std::string guess_family(const tensor_table & table, const std::vector<inspected_key> & keys);

}  // namespace ggclip
