#include "binding/exports.h"

#include "binding/arguments.h"
#include "binding/async.h"
#include "binding/search/run-on-threads.h"
#include "kernels/search/search.h"

#include <cstring>
#include <atomic>

namespace ggclip::binding {

namespace {

// { data, type, rows }: data must hold exactly rows * dim elements of the type.
kernels::search_matrix matrix_argument(Napi::Env env, Napi::Value value, const char * name, size_t dim) {
    const Napi::Object object = object_argument(env, value, name);
    const std::string type = string_argument(env, object.Get("type"), "type");
    const double rows = object.Get("rows").IsNumber() ? object.Get("rows").As<Napi::Number>().DoubleValue() : -1;
    const bool f32 = type == "f32", f16 = type == "f16", i8 = type == "int8";
    const napi_typedarray_type wanted = f32 ? napi_float32_array : f16 ? napi_uint16_array : napi_int8_array;
    const Napi::Value data = object.Get("data");
    if (!(f32 || f16 || i8) || !data.IsTypedArray() || data.As<Napi::TypedArray>().TypedArrayType() != wanted) {
        throw invalid_argument(env, name,
                               "data of the type it names: f32 Float32Array, f16 Uint16Array or int8 Int8Array");
    }
    const Napi::TypedArray array = data.As<Napi::TypedArray>();
    if (!(rows >= 0 && rows < 4294967295.0) || (double) array.ElementLength() != rows * (double) dim)
        throw invalid_argument(env, name, "rows * dim elements");
    kernels::search_matrix out = {};
    out.data = static_cast<const uint8_t *>(array.ArrayBuffer().Data()) + array.ByteOffset();
    out.type = f32 ? kernels::element_type::f32 : f16 ? kernels::element_type::f16 : kernels::element_type::i8;
    out.n_row = (size_t) rows;
    out.dim = dim;
    return out;
}

void check_cancelled(const std::atomic<bool> & cancelled) {
    if (cancelled) throw_error(error_code::ABORTED, "the call was cancelled");
}

Napi::Value start(Napi::Env env, std::unique_ptr<job> call, const Napi::CallbackInfo & info) {
    call->alive.push_back(Napi::Persistent(info[0].As<Napi::Object>()));
    call->alive.push_back(Napi::Persistent(info[1].As<Napi::Object>()));
    return environment::of(env).start_thread(std::move(call)).value(env);
}

}  // namespace

Napi::Value top_k(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const span<float> queries = floats_argument(env, info[0], "queries");
    const size_t dim = (size_t) int_argument(env, info[2], "dim", 1, 1 << 24);
    kernels::top_k_args args = {};
    args.query = queries.data;
    args.n_query = queries.size / dim;
    args.matrix = matrix_argument(env, info[1], "matrix", dim);
    if (queries.size % dim != 0) throw invalid_argument(env, "queries", "a multiple of dim elements");
    args.k = std::min((size_t) int_argument(env, info[3], "k", 1, 1 << 30), args.matrix.n_row);
    const int threads = int_argument(env, info[4], "threads", 1, 256);

    struct output {
        std::vector<uint32_t> indices;
        std::vector<float> scores;
    };
    auto out = std::make_shared<output>();
    auto call = std::make_unique<job>(env);
    const cancel_flag cancelled = call->cancelled;
    call->work = [args, threads, out, cancelled] {
        if (args.k == 0 || args.n_query == 0) return;
        std::vector<kernels::candidate> heap(kernels::top_k_heap_size(args, threads));
        run_on_threads(threads,
                       [&](int ith, int nth) { kernels::top_k_scan(args, ith, nth, heap.data(), cancelled.get()); });
        check_cancelled(*cancelled);
        out->indices.resize(args.n_query * args.k);
        out->scores.resize(args.n_query * args.k);
        kernels::top_k_finish(args, threads, heap.data(), out->indices.data(), out->scores.data());
    };
    call->finish = [out](Napi::Env e) {
        Napi::Object result = Napi::Object::New(e);
        Napi::Uint32Array indices = Napi::Uint32Array::New(e, out->indices.size());
        if (!out->indices.empty()) memcpy(indices.Data(), out->indices.data(), out->indices.size() * sizeof(uint32_t));
        result.Set("indices", indices);
        result.Set("scores", float_array(e, out->scores));
        return result;
    };
    return start(env, std::move(call), info);
}

Napi::Value similarity_matrix(const Napi::CallbackInfo & info) {
    Napi::Env env = info.Env();
    const span<float> a = floats_argument(env, info[0], "a");
    const size_t dim = (size_t) int_argument(env, info[2], "dim", 1, 1 << 24);
    const kernels::search_matrix b = matrix_argument(env, info[1], "b", dim);
    if (a.size % dim != 0) throw invalid_argument(env, "a", "a multiple of dim elements");
    const int threads = int_argument(env, info[3], "threads", 1, 256);

    auto out = std::make_shared<std::vector<float>>();
    auto call = std::make_unique<job>(env);
    const cancel_flag cancelled = call->cancelled;
    call->work = [a, b, dim, threads, out, cancelled] {
        out->resize(a.size / dim * b.n_row);
        run_on_threads(
            threads,
            [&](int ith, int nth) {
                kernels::similarity_matrix(a.data, a.size / dim, b, out->data(), ith, nth, cancelled.get());
            });
        check_cancelled(*cancelled);
    };
    call->finish = [out](Napi::Env e) { return float_array(e, *out); };
    return start(env, std::move(call), info);
}

}  // namespace ggclip::binding
