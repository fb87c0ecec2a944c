// Registers the addon's functions and classes.
#include "binding/async.h"
#include "binding/exports.h"
#include "binding/model-object.h"
#include "binding/search/rows-object.h"
#include "engine/memory/ggml-hooks.h"

#include <ggml.h>

namespace ggclip::binding {

// ggml's failures become our errors; a library prints nothing.
static void silence(ggml_log_level, const char *, void *) {}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
    ggml_log_set(silence, nullptr);
    throw_where_ggml_aborts();
    environment::create(env);
    model_object::define(env);
    rows_object::define(env);
    exports.Set("build", Napi::Function::New(env, build));
    exports.Set("errorCodes", Napi::Function::New(env, error_codes));
    exports.Set("loadModel", Napi::Function::New(env, model_object::load));
    exports.Set("convert", Napi::Function::New(env, convert));
    exports.Set("inspect", Napi::Function::New(env, inspect));
    exports.Set("resize", Napi::Function::New(env, resize));
    exports.Set("detach", Napi::Function::New(env, detach));
    exports.Set("exitWithin", Napi::Function::New(env, exit_within));
    exports.Set("topK", Napi::Function::New(env, top_k));
    exports.Set("similarityMatrix", Napi::Function::New(env, similarity_matrix));
    exports.Set("openRows", Napi::Function::New(env, rows_object::open));
    exports.Set("scanRows", Napi::Function::New(env, scan_rows));
    return exports;
}

NODE_API_MODULE(ggclip, init)

}  // namespace ggclip::binding
