'use strict'

module.exports = {
  packagerConfig: {
    asar: { unpack: `{${require('./unpacked.cjs').join(',')}}` },
    // as electron-builder's `files`: what electron-builder made and the settings of both stay outside
    ignore: [/^\/(?!(src|node_modules)(\/|$)|package\.json$)/],
  },
  rebuildConfig: { onlyModules: [] }, // Node-API: nothing is rebuilt for Electron
  makers: [{ name: '@electron-forge/maker-zip' }],
}
