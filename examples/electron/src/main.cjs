'use strict'

const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { app, BrowserWindow, dialog, ipcMain, net, protocol, shell, utilityProcess } = require('electron')
const { callsBy } = require('./messages.cjs')

/** Pictures of the disk, for the page: `picture://local/` and the path. */
const scheme = 'picture'
/** What the page may ask for. */
const methods = ['state', 'add', 'stop', 'forget', 'byWords', 'byPicture', 'duplicates']
const pageFile = path.join(__dirname, 'page', 'index.html')
let window, child, calls
/** Paths that a search or the user named: others are not shown. */
const shown = new Set()

if (!app.requestSingleInstanceLock()) app.exit(0)
protocol.registerSchemesAsPrivileged([{ scheme, privileges: { secure: true } }])

function startSearch() {
  const folder = path.join(app.getPath('userData'), 'index')
  child = utilityProcess.fork(path.join(__dirname, 'search-process.cjs'), [folder], { serviceName: 'Picture Search' })
  calls = callsBy(message => child.postMessage(message), event => window?.webContents.send('event', event))
  child.on('message', message => calls.receive(message))
  const { fail } = calls
  child.on('exit', code => {
    fail('the search has ended: it is started again')
    // killed, for instance for its memory: the index is whole, since a kill cannot harm it
    if (code !== 0 && !app.isQuitting) setTimeout(startSearch, 1000)
  })
}

function openWindow() {
  window = new BrowserWindow({
    width: 1100,
    height: 760,
    webPreferences: { preload: path.join(__dirname, 'preload.cjs'), sandbox: true, contextIsolation: true },
  })
  window.on('closed', () => (window = undefined))
  window.webContents.on('will-navigate', event => event.preventDefault())
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }))
  void window.loadFile(pageFile)
}

const filesOf = result => {
  const list = Array.isArray(result) ? result : []
  return list.flatMap(each => (each.keep ? [each.keep, ...each.others] : [each])).map(({ path: file }) => file)
}

ipcMain.handle('call', async (_, method, ...args) => {
  if (!methods.includes(method)) throw new TypeError(`no method '${method}'`)
  const result = await calls.call(method, ...args)
  for (const file of filesOf(result)) shown.add(file)
  return result
})
ipcMain.handle('choose', async () => {
  const { filePaths } = await dialog.showOpenDialog(window, { properties: ['openDirectory', 'multiSelections'] })
  return filePaths
})
ipcMain.on('reveal', (_, file) => {
  if (shown.has(file)) shell.showItemInFolder(file)
})

app.whenReady().then(() => {
  protocol.handle(scheme, request => {
    const file = decodeURIComponent(new URL(request.url).pathname.slice(1))
    return shown.has(file) ? net.fetch(pathToFileURL(file).href) : new Response(null, { status: 403 })
  })
  startSearch()
  openWindow()
  app.on('activate', () => window ?? openWindow())
})
app.on('window-all-closed', () => process.platform !== 'darwin' && app.quit())
app.on('before-quit', () => {
  app.isQuitting = true
  child?.postMessage('close')
})
