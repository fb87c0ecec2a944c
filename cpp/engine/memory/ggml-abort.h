// ggml aborts the process when one of its checks fails. In an addon that would kill the host process.
#pragma once

namespace ggclip {

// After this call, a failed check throws ggclip::error INTERNAL with ggml's message on the thread that hit it; the
// object under construction is lost. This is a last resort: all user input is checked before ggml sees it. On ggml's
// own threads nothing catches the exception, so the process still ends. Applies to the whole process; ggml is compiled
// so that exceptions can pass through its frames.
void throw_where_ggml_aborts();

}  // namespace ggclip
