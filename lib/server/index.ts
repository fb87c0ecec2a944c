/** The module `ggclip/server`: a table of what there is. */
export { Server } from './server.js'
export type { ApiKey, LogLevel, RemoteImageOptions, ServedModel, ServerOptions } from './types.js'
