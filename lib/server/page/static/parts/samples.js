/** A first try without pictures of one's own. */
import { Failure } from '../calls/failure.js'
import { byId } from './dom.js'

const fill = (id, text) => {
  if (byId(id).value.trim() !== '') return
  byId(id).value = text
  byId(id).dispatchEvent(new Event('change')) // drafts are kept
}

/** Puts the samples into the tray, and words that suit them into the fields that are empty. */
export async function loadSamples(desk) {
  const button = byId('samples')
  button.disabled = true
  try {
    const samples = await (await fetchOk('page/samples.json')).json()
    const files = await Promise.all(samples.map(async ({ name, label, type }) => {
      const blob = await (await fetchOk(`page/samples/${name}`)).blob()
      return { label, file: new File([blob], name, { type }) }
    }))
    if (files.length === 0) throw new Failure('page', 'This server came without samples.')
    const labels = files.map(({ label }) => label)
    fill('labels', labels.join(', '))
    fill('query', `a photo of a ${labels[0]}`)
    fill('texts', labels.map(label => `a photo of a ${label}`).join('\n'))
    desk.tray.add(files.map(({ file }) => file))
    byId('choose').focus()
  } catch (error) {
    desk.tell(
      error instanceof Failure
        ? error
        : new Failure('network', 'The samples could not be fetched from the server.', { cause: error }),
      () => loadSamples(desk),
    )
  } finally {
    button.disabled = false
  }
}

async function fetchOk(path) {
  const response = await fetch(path)
  if (!response.ok) throw new Error(`${path}: status ${response.status}`)
  return response
}
