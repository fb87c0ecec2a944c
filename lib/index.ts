/** The public module: the library and the server. The server's packages are loaded when one starts. */
export * from './library.js'
export * from './server/index.js'
