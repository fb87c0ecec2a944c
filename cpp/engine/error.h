// The only error type of the C++ side. Every failure a caller can cause has a stable code. lib/errors.ts repeats the
// list; test/shared/errors.test.ts checks that both match.
#pragma once

#include "engine/text.h"

#include <stdexcept>
#include <string>

namespace ggclip {

// X(enumerator): the public code is "ERR_CLIP_" followed by the enumerator.
#define GGCLIP_ERROR_CODES(X)                                                                   \
    X(FILE_NOT_FOUND)     /* a path does not exist or may not be read */                        \
    X(FILE_FORMAT)        /* magic, version or syntax of a model file is wrong */               \
    X(FILE_TRUNCATED)     /* a model file ends before its own description says so */            \
    X(FILE_LIMIT)         /* a count or size in a file is over its cap, or overflows */         \
    X(FILE_CHANGED)       /* a model file was changed while it was read */                      \
    X(FILE_WRITE)         /* an output file could not be written */                             \
    X(CONFIG_INVALID)     /* a configuration value is missing, of wrong kind or out of range */ \
    X(MODEL_UNSUPPORTED)  /* a well-formed model of a kind this version does not compute */     \
    X(TENSOR_MISSING)     /* a tensor the configuration calls for is absent */                  \
    X(TENSOR_DUPLICATE)   /* two tensors carry one name */                                      \
    X(TENSOR_SHAPE)       /* a tensor's shape is not what the configuration says */             \
    X(TENSOR_TYPE)        /* a tensor's element type cannot be used where it stands */          \
    X(TOWER_MISSING)      /* the image or text tower was not loaded or is not in the file */    \
    X(DEVICE_UNAVAILABLE) /* the asked-for device is not in this build or on this machine */    \
    X(INPUT_SHAPE)        /* a tensor, pixel or token argument has the wrong size */            \
    X(INPUT_RANGE)        /* a value of an argument is outside its range */                     \
    X(OUT_OF_MEMORY)      /* memory could not be had */                                         \
    X(ABORTED)            /* the call was cancelled */                                          \
    X(INVALID_ARGUMENT)   /* an argument of the wrong kind reached the addon */                 \
    X(DISPOSED)           /* a model or session is used after dispose() */                      \
    X(INTERNAL)           /* a defect of ggclip */

enum class error_code {
#define X(name) name,
    GGCLIP_ERROR_CODES(X)
#undef X
};

// "ERR_CLIP_<NAME>"
inline const char * error_code_name(error_code code) {
    switch (code) {
#define X(name) \
    case error_code::name: return "ERR_CLIP_" #name;
        GGCLIP_ERROR_CODES(X)
#undef X
    }
    return "ERR_CLIP_INTERNAL";
}

class error : public std::runtime_error {
  public:
    error(error_code code, const std::string & message) : std::runtime_error(message), code_(code) {}
    error_code code() const { return code_; }

  private:
    error_code code_;
};

// Throws with a plain message or a printf-style format:
// throw_error(error_code::TENSOR_SHAPE, "%s: expected [%d], found [%d]", name, a, b)
[[noreturn]] inline void throw_error(error_code code, const std::string & message) { throw error(code, message); }

#if defined(__GNUC__)
[[gnu::format(printf, 2, 3)]]
#endif
[[noreturn]] inline void
throw_error(error_code code, const char * format, ...) {
    va_list args;
    va_start(args, format);
    const std::string message = vprint_text(format, args);
    va_end(args);
    throw error(code, message);
}

}  // namespace ggclip
