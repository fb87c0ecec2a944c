'use strict'

const { contextBridge, ipcRenderer, webUtils } = require('electron')

contextBridge.exposeInMainWorld('pictures', {
  call: (method, ...args) => ipcRenderer.invoke('call', method, ...args),
  choose: () => ipcRenderer.invoke('choose'),
  reveal: file => ipcRenderer.send('reveal', file),
  pathOf: file => webUtils.getPathForFile(file),
  onEvent: listener => void ipcRenderer.on('event', (_, event) => listener(event)),
})
