// Stands in for the libggml-base beside a module, reporting PRETENDED_VERSION; with PRETENDED_INIT, a module by itself.
#define VISIBLE __attribute__((visibility("default")))

VISIBLE const char * ggml_version(void);
VISIBLE const char * pretended_base(void);

const char * ggml_version(void) { return PRETENDED_VERSION; }
const char * pretended_base(void) { return "base"; }

#if defined(PRETENDED_INIT)
VISIBLE void * ggml_backend_init(void);
void * ggml_backend_init(void) { return 0; }
#endif
