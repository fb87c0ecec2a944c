'use strict'

module.exports = {
  packagerConfig: { asar: { unpack: `{${require('./unpacked.cjs').join(',')}}` } },
  rebuildConfig: { onlyModules: [] }, // Node-API: nothing is rebuilt for Electron
  makers: [{ name: '@electron-forge/maker-zip' }],
}
