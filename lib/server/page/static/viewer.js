/** The dialog that shows one picture of the folder. */
import { pictureAddress } from './api.js'
import { byId, signed } from './dom.js'

/** `onSimilar(result)`: pictures like this one are asked for. */
export function createViewer(onSimilar) {
  const dialog = byId('viewer')
  const image = byId('viewer-image')
  let shown

  byId('viewer-close').addEventListener('click', () => dialog.close())
  byId('viewer-similar').addEventListener('click', () => {
    dialog.close()
    onSimilar(shown)
  })
  // a click beside the picture
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close()
  })
  dialog.addEventListener('close', () => image.removeAttribute('src'))

  return {
    open(result) {
      shown = result
      image.alt = result.name
      byId('viewer-name').textContent = result.name
      byId('viewer-facts').textContent = [
        `${result.width} × ${result.height}`,
        result.score === undefined ? '' : `similarity ${signed(result.score)}`,
      ].filter(Boolean).join(' · ')
      const gone = () => {
        byId('viewer-facts').textContent = 'This picture can no longer be read.'
      }
      // another picture may be open by the time that this one comes
      pictureAddress(result.preview).then(address => {
        if (dialog.open && shown === result) image.src = address
      }, gone)
      image.onload = () => URL.revokeObjectURL(image.src) // no harm to other addresses
      image.onerror = gone
      dialog.showModal()
    },
  }
}
