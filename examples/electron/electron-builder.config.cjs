'use strict'

/** @type {import('electron-builder').Configuration} */
module.exports = {
  appId: 'org.example.picture-search',
  files: ['src/**', 'package.json'],
  asar: true,
  asarUnpack: require('./unpacked.cjs'),
  npmRebuild: false, // Node-API: nothing is rebuilt for Electron
  mac: { target: 'dmg', category: 'public.app-category.photography', hardenedRuntime: true },
  win: { target: 'nsis' },
  linux: { target: ['AppImage', 'deb'], category: 'Graphics' },
}
