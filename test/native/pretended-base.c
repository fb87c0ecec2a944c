// What a backend module of ggml version PRETENDED_VERSION has beside it; with PRETENDED_INIT, such a module by itself.
#define VISIBLE __attribute__((visibility("default")))

VISIBLE const char * ggml_version(void);
VISIBLE const char * pretended_base(void);

const char * ggml_version(void) { return PRETENDED_VERSION; }
const char * pretended_base(void) { return "base"; }

#if defined(PRETENDED_INIT)
VISIBLE void * ggml_backend_init(void);
void * ggml_backend_init(void) { return 0; }
#endif
