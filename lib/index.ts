/** The public module: the library, and the server, whose packages are loaded when one starts. */
export * from './library.js'
export { Server } from './server/server.js'
export type { ApiKey, LogLevel, RemoteImageOptions, ServedModel, ServerOptions } from './server/types.js'
