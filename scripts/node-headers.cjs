// The headers of Node-API (C, and Windows' lists of its functions beside them) and of node-addon-api (C++), from their
// packages.
'use strict'

const path = require('node:path')

const headerFolders = () =>
  [require('node-api-headers').include_dir, require('node-addon-api').include_dir].map(folder => path.resolve(folder))

/** @returns {string} a list as CMake writes it */
const nodeHeaders = () => headerFolders().map(folder => folder.split(path.sep).join('/')).join(';')

module.exports = { headerFolders, nodeHeaders }
