/** The dialog that shows one picture of the folder. */
import { pictureAddress } from './api.js'
import { byId } from './dom.js'

/** `onSimilar(id)`: pictures like this one are asked for. */
export function createViewer(onSimilar) {
  const dialog = byId('viewer')
  const image = byId('viewer-image')
  let shown

  byId('viewer-close').addEventListener('click', () => dialog.close())
  byId('viewer-similar').addEventListener('click', () => {
    dialog.close()
    onSimilar(shown.id)
  })
  // a click beside the picture
  dialog.addEventListener('click', event => { if (event.target === dialog) dialog.close() })
  dialog.addEventListener('close', () => image.removeAttribute('src'))

  return {
    get name() { return shown?.name },
    open(result) {
      shown = result
      image.alt = result.name
      byId('viewer-name').textContent = result.name
      byId('viewer-facts').textContent = [
        `${result.width} × ${result.height}`, result.score === undefined ? '' : `similarity ${result.score.toFixed(3)}`,
      ].filter(Boolean).join(' · ')
      pictureAddress(result.preview).then(address => { image.src = address }, () => { byId('viewer-facts').textContent = 'This picture can no longer be read.' })
      dialog.showModal()
    },
  }
}
