// What lies beside app.asar instead of in it: native code reads no archive. Both ways of packing take it from here.
'use strict'

module.exports = [
  '**/*.node', // ggclip's addon, sharp's, libsql's
  '**/node_modules/ggclip/models/*.gguf', // the embedded model
  '**/node_modules/@img/**', // sharp's libraries, which its addon loads
]
