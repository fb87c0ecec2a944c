/** A picture among the results of the gallery. */
import { make, signed } from './dom.js'
import { pictureInto } from './picture.js'

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
