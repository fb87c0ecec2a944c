/** How far the index of the gallery is. */
import { byId, count } from '../parts/dom.js'

export function showProgress({ state, done, total, failed, unreadable, secondsLeft, message }) {
  const box = byId('gallery-progress')
  const bar = byId('gallery-bar')
  const skipped = [
    failed > 0 && ` ${count(failed, 'file')} could not be read.`,
    unreadable > 0 && ` ${count(unreadable, 'folder')} could not be read.`,
  ].filter(Boolean).join('')
  box.hidden = state === 'ready' && skipped === ''
  bar.hidden = state !== 'updating' && state !== 'opening'
  if (state === 'updating' && total > 0) {
    bar.max = total
    bar.value = done
  } else bar.removeAttribute('value')
  const left = secondsLeft > 90
    ? `, ${Math.round(secondsLeft / 60)} min left`
    : secondsLeft > 0
    ? `, ${Math.ceil(secondsLeft)} s left`
    : ''
  const far = total > 0 ? `: ${done.toLocaleString('en')} of ${total.toLocaleString('en')} files${left}` : ''
  byId('gallery-progress-text').textContent = {
    opening: 'Loading the model…',
    updating: `Looking through the folders${far}. You can search already.${skipped}`,
    ready: skipped.trim(),
    failed: `The folders cannot be indexed: ${message}`,
  }[state]
}
