// The utility process: the model's memory and its work stay away from windows.
'use strict'

const { answerOn } = require('./messages.cjs')
const { PictureSearch } = require('./picture-search.cjs')

const [folder] = process.argv.slice(2)
const port = process.parentPort
const opening = PictureSearch.open({ folder, notify: event => port.postMessage(event) })
opening.catch(() => undefined) // each call is answered with it
const answer = answerOn(port, opening)
port.on('message', ({ data }) => void (data === 'close' ? close() : answer(data)))

async function close() {
  const search = await opening.catch(() => undefined)
  await search?.close()
  process.exit(0)
}
