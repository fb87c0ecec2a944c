/** The exports of the module `ggclip/server`. */
export { Server } from './server.js'
export type { ApiKey, Dialect, LogLevel, RemoteImageOptions, ServedModel, ServerOptions } from './types.js'
