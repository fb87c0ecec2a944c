/** What the views share: the chosen pictures, the place of the results, what is said about them, and failures. */
import { Failure } from '../calls/failure.js'
import { timingList } from '../calls/timing.js'
import { byId, make } from './dom.js'
import { Tray } from './pictures.js'

const notice = byId('notice')
const results = byId('results')

/** Said to those who hear the page. One region that is always there: screen readers miss what comes together with its text. */
export function announce(text) {
  byId('live').textContent = text
}

/** `askForKey()`: asks for a key, and begins anew when there is one. */
export function createDesk({ askForKey }) {
  const tray = new Tray()
  const desk = {
    tray,
    /** Shown beside the results; `spoken`, if given, is announced: what is on the screen says it by its place. */
    status(text, spoken = '') {
      byId('status').textContent = text
      announce(spoken)
    },
    timing(stages, what) {
      byId('timing').replaceChildren(...[timingList(stages, what)].filter(Boolean))
    },
    show(element) {
      element.classList.remove('dim')
      if (results.firstChild !== element) results.replaceChildren(element)
    },
    /** The results of before stay to be read until the new ones come. */
    dim: () => results.firstElementChild?.classList.add('dim'),
    showHint(text) {
      desk.status('')
      desk.timing([])
      const ghost = make(
        'div',
        { className: 'ghost', 'aria-hidden': 'true' },
        ...['0.86', '0.4', '0.18'].map((share, place) => (
          make(
            'span',
            { className: place === 0 ? 'best' : '' },
            make('span', { className: 'bar', vars: { '--share': share } }),
          )
        )),
      )
      results.replaceChildren(make('div', { className: 'hint' }, ghost, make('p', {}, text)))
    },
    clear() {
      results.replaceChildren()
      desk.status('')
      desk.timing([])
      desk.clearNotice()
    },
    clearNotice() {
      // who has just used its button goes on where the results will be
      const held = notice.contains(document.activeElement)
      notice.replaceChildren()
      if (held) byId('main').focus({ preventScroll: true })
    },
    /** Says what failed, and offers what helps. */
    tell(failure, again) {
      const button = (text, onclick) => make('button', { type: 'button', onclick }, text)
      const { picture } = failure
      notice.replaceChildren(...[
        make('p', {}, failure.message),
        failure.kind === 'key' && button('Enter the key', askForKey),
        failure.passing && button('Try again', again),
        picture && tray.list.includes(picture) && button(`Leave out ${picture.name}`, () => tray.remove(picture.id)),
      ].filter(Boolean))
    },
    /** Runs `work`; what fails is told. Returns whether it went well. */
    async attempt(work, signal, again) {
      try {
        await work()
        return true
      } catch (error) {
        if (signal?.aborted) return false
        const known = error instanceof Failure
        desk.status(results.querySelector('.dim') ? 'Results of an earlier question' : '')
        desk.timing([])
        desk.tell(
          known ? error : new Failure('page', `Something failed in this page: ${error.message}`, { cause: error }),
          again,
        )
        if (!known) throw error
        return false
      }
    },
  }
  return desk
}
