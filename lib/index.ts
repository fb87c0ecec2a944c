/** The public module: the library, and the server, whose packages are loaded when one starts. */
export * from './library.js'
export * from './server/index.js'
