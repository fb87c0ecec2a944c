// topK() and similarityMatrix(): exact search over flat matrices, on threads of its own.
#pragma once

#include <napi.h>

namespace ggclip::binding {

// topK(queries, matrix, dim, k, threads) -> { promise, abort }
Napi::Value top_k(const Napi::CallbackInfo & info);
// similarityMatrix(a, b, dim, threads) -> { promise, abort }
Napi::Value similarity_matrix(const Napi::CallbackInfo & info);

}  // namespace ggclip::binding
