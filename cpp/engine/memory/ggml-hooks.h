// What ggml does otherwise in this addon than alone. That it throws when memory ends needs no call: ggml-malloc.cpp.
#pragma once

#include <ggml-backend.h>

namespace ggclip {

// cpu-buffers.cpp: ggml's CPU buffers. Large ones come from the system (memory.h): ggml would take them from the
// calling thread's heap, which may retain tens of megabytes after they are freed.
ggml_backend_buffer_type_t cpu_buffer_type();

// ggml-abort.cpp: ggml aborts the process when one of its checks fails, which would kill the addon's host. After this
// call, a failed check throws ggclip::error INTERNAL with ggml's message on the thread that hit it; the object under
// construction is lost. This is a last resort: all user input is checked before ggml sees it. On ggml's own threads
// nothing catches the exception, so the process still ends. Applies to the whole process; ggml is compiled so that
// exceptions can pass through its frames.
void throw_where_ggml_aborts();

}  // namespace ggclip
