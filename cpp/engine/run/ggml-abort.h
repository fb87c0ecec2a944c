// ggml ends the process where one of its own checks fails. In an addon that would be the host's process.
#pragma once

namespace ggclip {

// From here on such a check throws ggclip::error INTERNAL, with ggml's own words, on the thread that reached it; what
// was being built is lost. A last resort: everything that a user can supply is checked before ggml sees it. On a thread
// of ggml's own, where nobody catches, the process still ends. For the whole process; ggml is compiled so that
// exceptions may pass through its frames.
void throw_where_ggml_aborts();

}  // namespace ggclip
