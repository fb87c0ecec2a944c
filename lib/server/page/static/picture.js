/** A picture of the server, or a file, in an element. */
import { pictureAddress } from './api.js'

/** `onGone`: called if it cannot be shown. */
export function pictureInto(image, { file, thumbnail }, onGone) {
  image.onload = () => URL.revokeObjectURL(image.src) // no harm to other addresses
  image.onerror = onGone
  if (file) image.src = URL.createObjectURL(file)
  else pictureAddress(thumbnail).then(address => {
      image.src = address
    }, onGone)
}
