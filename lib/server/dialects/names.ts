/** The protocols of other servers that this one speaks, besides its own calls. docs/drop-in.md is their manual. */
export const dialects = ['immich', 'frigate', 'weaviate', 'ollama', 'cohere', 'voyage'] as const

/**
 * A protocol of other servers. 'immich': Immich's machine learning; 'frigate': llama.cpp's server, as Frigate uses it;
 * 'weaviate': multi2vec-clip; 'ollama', 'cohere', 'voyage': their embedding calls.
 */
export type Dialect = typeof dialects[number]
