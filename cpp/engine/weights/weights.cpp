#include "engine/weights/weights.h"

#include "engine/weights/weight-loader.h"

namespace ggclip {

static const kernels::kernel_table * choose_kernels(ggml_backend_dev_t device, const std::string & wanted) {
    if (!is_cpu(device) || wanted == "portable") return nullptr;
    kernels::cpu_level level;
    if (wanted.empty()) {
        level = kernels::best_level();
    } else if (!kernels::parse_level(wanted.c_str(), &level)) {
        throw_error(error_code::INPUT_RANGE, "kernels: expected portable or a CPU level, received '%s'",
                    wanted.c_str());
    }
    const char * why = "";
    const kernels::kernel_table * table = kernels::kernels_for(level, &why);
    if (!table) throw_error(error_code::DEVICE_UNAVAILABLE, "kernels: level '%s' %s", wanted.c_str(), why);
    return table;
}

weights::weights(model_source source, const load_options & options)
    : hp(source.hp), found(find_device(options.device, options.modules)), device(found.device),
      kernels(choose_kernels(device, options.kernels)), memory(options.max_memory), source_(std::move(source)),
      share_(memory) {
    if (!options.want_vision) hp.vision.present = false;
    if (!options.want_text) hp.text.present = false;
    if (options.want_vision && !hp.vision.present) {
        if (!options.want_text || !hp.text.present)
            throw_error(error_code::TOWER_MISSING, "%s: has no image tower", source_.path.c_str());
    }
    if (options.want_text && !hp.text.present && !hp.vision.present)
        throw_error(error_code::TOWER_MISSING, "%s: has no text tower", source_.path.c_str());
    weight_loader(*this, options).load();
    // everything is in our own memory: files can be closed
    source_.tensors.clear();
    source_.files.clear();
}

}  // namespace ggclip
