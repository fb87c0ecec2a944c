/** Search of the server's folders, by words or by a picture. */
import { galleryRefresh, gallerySearch, galleryState } from '../calls/api.js'
import { timingList } from '../calls/timing.js'
import { announce } from '../parts/desk.js'
import { byId, count, duration, make, signed } from '../parts/dom.js'
import { Job } from '../parts/job.js'
import { filtersOf } from './filters.js'
import { showProgress } from './progress.js'
import { pictureInto, tile } from './tile.js'
import { createViewer } from './viewer.js'

const pageSize = 60
const pollMs = 500

export function galleryView(desk) {
  const grid = byId('gallery-results')
  const more = byId('gallery-more')
  const field = byId('gallery-query')
  const status = (text, spoken = '') => {
    byId('gallery-status').textContent = text
    announce(spoken)
  }
  const viewer = createViewer(findLike)
  let state = { folders: [], state: 'ready' }
  let query // undefined: all pictures
  let next // where the next page begins; null: nowhere
  let poll
  const job = new Job(run)
  const filters = filtersOf(() => job.soon())

  field.addEventListener('input', () => {
    if (query !== undefined && query.text === undefined && field.value.trim() === '') return // a picture is asked for
    if (isUnfinished(field.value)) return job.stop()
    query = typed()
    job.soon()
  })
  byId('gallery-form').addEventListener('submit', event => {
    event.preventDefault()
    search(typed())
  })
  byId('gallery-picture').addEventListener('click', pickFile)
  byId('gallery-refresh').addEventListener('click', lookForChanges)
  more.addEventListener('click', () => void showMore())

  const typed = () => (field.value.trim() === '' ? undefined : { text: field.value.trim() })

  function search(wanted) {
    query = wanted
    void job.now()
  }

  function findLike({ id, name, thumbnail }) {
    search({ like: id, name, thumbnail })
    byId('gallery-subject').focus()
  }

  async function run(signal) {
    desk.clearNotice()
    showSubject()
    if (state.state === 'opening') return status('') // the progress says so
    status('Working…')
    grid.setAttribute('aria-busy', 'true')
    await attempt(async () => {
      const answer = await gallerySearch(query, { ...filters.read(), limit: pageSize }, signal)
      if (query && query.text === undefined) field.value = '' // not before: where the picture fails, the words are there
      showResults(answer)
      status(summary(answer), spoken(answer))
      byId('gallery-timing').replaceChildren(...[query && timingList(answer.stages)].filter(Boolean))
    }, signal)
    if (!signal.aborted) grid.removeAttribute('aria-busy')
  }

  /** The next page, below; the focus goes to its first picture, since the button may be gone. */
  async function showMore() {
    more.disabled = true
    const [cursor, { signal }] = [next, job]
    await attempt(async () => {
      const answer = await gallerySearch(query, { ...filters.read(), limit: pageSize, cursor }, signal)
      if (signal.aborted) return
      const added = answer.results.map(result => tile(result, viewer.open, findLike))
      grid.append(...added)
      next = answer.next
      more.hidden = next === null
      added[0]?.querySelector('button').focus()
      status(summary(answer), `${count(added.length, 'picture')} more.`)
    }, signal)
    more.disabled = false
  }

  async function attempt(work, signal) {
    const well = await desk.attempt(work, signal, () => job.now())
    if (!well && !signal?.aborted) status('')
  }

  function showSubject() {
    const subject = byId('gallery-subject')
    if (query?.text !== undefined || query === undefined) return subject.replaceChildren()
    const picture = make('img', { alt: '' })
    pictureInto(picture, query, () => picture.remove())
    subject.replaceChildren(
      picture,
      make('p', {}, 'Like ', make('strong', {}, query.name)),
      make('button', {
        type: 'button',
        className: 'quiet small',
        onclick: () => {
          search(undefined)
          field.focus()
        },
      }, 'Show all pictures'),
    )
  }

  function summary({ total, ms }) {
    if (total === 0) return state.state === 'ready' ? nothing() : ''
    const shown = grid.children.length
    const found = query === undefined ? count(total, 'picture') : `Best ${shown} of ${count(total, 'picture')}`
    return `${found} · ${duration(ms)} in all`
  }

  const nothing = () =>
    query === undefined && !filters.active ? 'There are no pictures in the folders yet.' : 'No picture fits.'

  function spoken(answer) {
    const best = query &&
      answer.results.slice(0, 3).map(({ name, similarity }) => `${name}, similarity ${signed(similarity)}`).join('; ')
    return best ? `Best of ${count(answer.total, 'picture')}: ${best}.` : summary(answer)
  }

  function showResults(answer) {
    // what is there already keeps its element: pictures do not flicker while one types
    const kept = new Map([...grid.children].map(item => [item.dataset.key, item]))
    const focused = grid.contains(document.activeElement) ? document.activeElement : undefined
    grid.replaceChildren(...answer.results.map(result => {
      const item = kept.get(`${result.id} ${result.name}`) ?? tile(result, viewer.open, findLike)
      item.setSimilarity(result.similarity)
      return item
    }))
    next = answer.next
    more.hidden = next === null
    focused?.focus({ preventScroll: true }) // what moves loses it
  }

  async function lookForChanges() {
    await attempt(async () => {
      state = await galleryRefresh()
      status('Looking for new and changed pictures…')
      watch()
    })
  }

  /** Asks how far the index is until it is ready; then shows what came. */
  function watch() {
    clearTimeout(poll)
    showProgress(state)
    if (state.state === 'ready' || state.state === 'failed') return
    poll = setTimeout(() =>
      void attempt(async () => {
        const before = state
        state = await galleryState()
        const grown = query === undefined && grid.children.length < Math.min(pageSize, state.files)
        if (state.state === 'ready' || (grown && (before.files !== state.files || before.state === 'opening')))
          void job.now()
        watch()
      }), pollMs)
  }

  function pickFile() {
    const input = make('input', { type: 'file', accept: 'image/*', onchange: () => view.take([...input.files]) })
    input.click()
  }

  const view = {
    title: 'Gallery',
    lead: '',
    form: undefined,
    status,
    get present() {
      return state.folders.length > 0
    },
    async find() {
      state = await galleryState()
      const names = state.folders.map(name => `“${name}”`)
      view.lead = names.length === 0 ? '' : `Search the pictures in ${listed(names)} with words or with a picture.`
      filters.offer(state.folders)
    },
    refresh() {
      watch()
      void job.now()
    },
    stop() {
      job.stop()
      clearTimeout(poll)
    },
    take([file]) {
      if (file) search({ file, name: file.name || 'the pasted picture' })
    },
  }
  return view
}

/** Between two parts of a query, or two quotes: the server would refuse it. */
function isUnfinished(text) {
  return /(?:^|\s)[+-]\s*$/.test(text) || text.split('"').length % 2 === 0
}

function listed(names) {
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
