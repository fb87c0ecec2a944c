#include "engine/memory/ggml-hooks.h"

#include "engine/error.h"

#include <ggml.h>

namespace ggclip {

static void on_abort(const char * message) {
    throw_error(error_code::INTERNAL, "a check of ggml's failed: %s", message);
}

void throw_where_ggml_aborts() { ggml_set_abort_callback(on_abort); }

}  // namespace ggclip
