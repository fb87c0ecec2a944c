/** The dialog that shows one picture of the folder. */
import { pictureAddress } from '../calls/api.js'
import { byId, bytes, signed } from '../parts/dom.js'

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
        bytes(result.size),
        result.taken && `taken ${dayOf(result.taken)}`,
        result.camera,
        result.place && `${result.place.latitude.toFixed(4)}, ${result.place.longitude.toFixed(4)}`,
        result.copies?.length > 0 && `also as ${result.copies.join(', ')}`,
        result.similarity !== undefined && `similarity ${signed(result.similarity)}`,
      ].filter(Boolean).join(' · ')
      const gone = () => {
        byId('viewer-facts').textContent = 'This picture cannot be shown: it may have been changed or deleted.'
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

/** The day of the camera's clock, which is written as if it showed UTC. */
const dayOf = time => new Date(time).toLocaleDateString('en', { dateStyle: 'medium', timeZone: 'UTC' })
