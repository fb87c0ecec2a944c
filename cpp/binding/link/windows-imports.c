// Node-API on Windows without an import library: a call through a header's dllimport reads the function's address from
// __imp_<name>, which is defined here and filled when the addon is loaded. So the addon loads in any program that has
// Node-API: node.exe, Electron under its own name, a program with libnode.dll.
#include <windows.h>

#define X(name) FARPROC __imp_##name;
#include "node-api-names.h"
#undef X

static const struct {
    const char * name;
    FARPROC * address;
} imports[] = {
#define X(name) {#name, &__imp_##name},
#include "node-api-names.h"
#undef X
};

BOOL WINAPI DllMain(HINSTANCE library, DWORD reason, LPVOID reserved) {
    (void) library;
    (void) reserved;
    if (reason != DLL_PROCESS_ATTACH) return TRUE;
    HMODULE host = GetModuleHandleW(NULL);
    if (!GetProcAddress(host, "napi_create_function")) host = GetModuleHandleW(L"libnode.dll");
    if (!host) return FALSE;
    // functions that are newer than the version that the addon asks for may be missing: nothing calls them
    for (size_t i = 0; i < sizeof(imports) / sizeof(imports[0]); i++)
        *imports[i].address = GetProcAddress(host, imports[i].name);
    return TRUE;
}
