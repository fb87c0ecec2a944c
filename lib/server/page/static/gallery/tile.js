/** A picture among the results of the gallery, and what puts a picture into an element. */
import { pictureAddress } from '../calls/api.js'
import { make, signed } from '../parts/dom.js'

/** `onOpen(result)` shows it large, `onLike(result)` searches for others like it. */
export function tile(result, onOpen, onLike) {
  const image = make('img', { alt: '', loading: 'lazy', decoding: 'async' })
  const score = make('span', { className: 'tile-score' })
  const button = make(
    'button',
    { type: 'button', className: 'tile', onclick: () => onOpen(result) },
    image,
    make('span', { className: 'tile-name' }, result.name),
    score,
  )
  const like = make(
    'button',
    {
      type: 'button',
      className: 'quiet small',
      'aria-label': `More like this: ${result.name}`,
      onclick: () => onLike(result),
    },
    'More like this',
  )
  const item = make('li', {}, button, like)
  item.dataset.key = `${result.id} ${result.name}`
  item.setSimilarity = value => {
    result.similarity = value
    score.replaceChildren(
      ...(value === undefined ? [] : [make('span', { className: 'unseen' }, 'similarity '), signed(value)]),
    )
  }
  item.setSimilarity(result.similarity)
  pictureInto(image, result, () => button.classList.add('gone'))
  return item
}

/** A picture of the server, or a file, in an element. `onGone`: called if it cannot be shown. */
export function pictureInto(image, { file, thumbnail }, onGone) {
  image.onload = () => URL.revokeObjectURL(image.src) // no harm to other addresses
  image.onerror = onGone
  if (file) image.src = URL.createObjectURL(file)
  else pictureAddress(thumbnail).then(address => {
      image.src = address
    }, onGone)
}
