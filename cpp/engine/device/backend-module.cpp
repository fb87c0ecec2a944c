#include "engine/device/device.h"

#include <ggml-backend.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace ggclip {

namespace {

// A shared library, closed again unless it is kept.
class library {
  public:
#if defined(_WIN32)
    explicit library(const std::string & path) {
        const int n = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
        std::wstring wide((size_t) n, L'\0');
        MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), n);
        // its dependencies lie beside it
        handle_ =
            LoadLibraryExW(wide.c_str(), nullptr, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_DEFAULT_DIRS);
        if (!handle_) problem_ = "error " + std::to_string(GetLastError()) + " of LoadLibraryEx";
    }
    ~library() {
        if (handle_ && !kept_) FreeLibrary(handle_);
    }
    template <class F>
    F function(const char * name) const {
        FARPROC found = GetProcAddress(handle_, name);
        HMODULE base = found ? nullptr : GetModuleHandleW(L"ggml-base.dll");
        return reinterpret_cast<F>(base ? GetProcAddress(base, name) : found);
    }
#else
    explicit library(const std::string & path) : handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (!handle_) problem_ = dlerror();
    }
    ~library() {
        if (handle_ && !kept_) dlclose(handle_);
    }
    // Also of the libraries that it depends on.
    template <class F>
    F function(const char * name) const {
        return reinterpret_cast<F>(dlsym(handle_, name));
    }
#endif
    const std::string & problem() const { return problem_; }
    void keep() { kept_ = true; }

  private:
#if defined(_WIN32)
    HMODULE handle_ = nullptr;
#else
    void * handle_ = nullptr;
#endif
    std::string problem_;
    bool kept_ = false;
};

}  // namespace

// ggml itself compares the version of its module interface
// only, which releases with unlike structures share.
std::string load_backend_module(const std::string & path) {
    library module(path);
    if (const std::string & problem = module.problem(); !problem.empty())  // dlerror begins with the path
        return problem.rfind(path + ": ", 0) == 0 ? problem.substr(path.size() + 2) : problem;
    const auto version = module.function<const char * (*) ()>("ggml_version");
    if (!version || !module.function<void (*)()>("ggml_backend_init"))
        return "expected a backend module of ggml, found another shared library";
    if (version() != std::string(ggml_version()))
        return std::string("expected a module of ggml ") + ggml_version() + ", found one of ggml " + version();
    if (const auto set_log = module.function<void (*)(ggml_log_callback, void *)>("ggml_log_set"))
        set_log([](ggml_log_level, const char *, void *) {}, nullptr);
    module.keep();  // from here on ggml may hold pointers into it
    ggml_backend_reg_t backend = ggml_backend_load(path.c_str());
    if (!backend) return "ggml could not start the module: its driver may be missing";
    if (ggml_backend_reg_dev_count(backend) == 0) return "the module found no device";
    return "";
}

}  // namespace ggclip
