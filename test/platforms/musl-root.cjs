// A root of musl, for a Node that runs without one (node --require): sharp reads /usr/bin/ldd to find out which C library there is.
'use strict'

const fs = require('node:fs')

const { openSync } = fs
fs.openSync = (file, ...more) => openSync(file === '/usr/bin/ldd' ? __filename : file, ...more)
