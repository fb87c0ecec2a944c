// The main process of the packed application: encodes pixels, a picture that lies in the archive, and texts; writes what came
// of it to the file RESULT.
'use strict'

require('./node12.js')
const fs = require('fs')
const path = require('path')
const { app } = require('electron')

async function encode() {
  const { Clip } = require('ggclip')
  const clip = await Clip.load(undefined, { threads: 2 })
  const picture = path.join(__dirname, 'picture.ppm')
  const data = fs.readFileSync(picture).subarray(-64 * 48 * 3)
  const vectors = [
    await clip.encodeImage({ data: new Uint8Array(data), width: 64, height: 48, channels: 3 }),
    await clip.encodeImage(picture),
    ...await clip.encodeImage([picture, picture]),
    ...await clip.encodeText(['a slice of pizza', 'a rocket']),
  ]
  const addon = Object.keys(require.cache).find(file => file.endsWith('.node'))
  return { electron: process.versions.electron, addon, vectors: vectors.map(vector => Array.from(vector)) }
}

app.whenReady().then(encode).catch(({ code, message }) => ({ code, message })).then(result => {
  fs.writeFileSync(process.env.RESULT, JSON.stringify(result))
  process.kill(process.pid, 'SIGKILL') // Node 12.14 crashes when it unloads addons of this kind
})
