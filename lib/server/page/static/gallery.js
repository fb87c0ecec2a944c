/** Search of the server's folder, by words or by a picture. */
import { galleryPictures, galleryRefresh, gallerySearch, galleryState, pictureAddress } from './api.js'
import { byId, count, duration, make } from './dom.js'
import { Failure } from './failure.js'
import { Job } from './job.js'
import { createViewer } from './viewer.js'

const pageSize = 60
const pollMs = 1000

export function galleryView(desk) {
  const grid = byId('gallery-results')
  const more = byId('gallery-more')
  const field = byId('gallery-query')
  const status = text => { byId('gallery-status').textContent = text }
  const viewer = createViewer(id => {
    search({ like: id, name: viewer.name })
    byId('gallery-subject').focus()
  })
  let state = { folder: null }
  let query // undefined: the folder as it is
  let wanted = pageSize
  let poll
  const job = new Job(run)

  field.addEventListener('input', () => {
    if (query !== undefined && query.text === undefined && field.value.trim() === '') return // a picture is asked for
    query = typed()
    wanted = pageSize
    job.soon()
  })
  byId('gallery-form').addEventListener('submit', event => {
    event.preventDefault()
    search(typed())
  })
  byId('gallery-picture').addEventListener('click', pickFile)
  byId('gallery-refresh').addEventListener('click', lookForChanges)
  more.addEventListener('click', () => {
    wanted += pageSize
    void job.now()
  })

  const typed = () => (field.value.trim() === '' ? undefined : { text: field.value.trim() })

  function search(next) {
    query = next
    wanted = pageSize
    if (query?.text === undefined) field.value = ''
    void job.now()
  }

  async function run(signal) {
    desk.clearNotice()
    showSubject()
    status('Working…')
    grid.setAttribute('aria-busy', 'true')
    await attempt(async () => {
      const answer = query === undefined ? await galleryPictures(0, wanted, signal) : await gallerySearch(pick(query), wanted, signal)
      showResults(answer.results)
      more.hidden = answer.results.length >= answer.total || answer.results.length < wanted
      status(summary(answer))
    }, signal)
    grid.removeAttribute('aria-busy')
  }

  async function attempt(work, signal) {
    try {
      await work()
    } catch (error) {
      if (signal?.aborted) return
      if (!(error instanceof Failure)) throw error
      status('')
      desk.tell(error, () => job.now())
    }
  }

  function showSubject() {
    const subject = byId('gallery-subject')
    if (query?.text !== undefined || query === undefined) return subject.replaceChildren()
    subject.replaceChildren(
      make('p', {}, 'Like ', make('strong', {}, query.name)),
      make('button', { type: 'button', className: 'quiet small', onclick: () => { search(undefined); field.focus() } }, 'Show the whole folder'),
    )
  }

  function summary({ results, total, ms, serverMs }) {
    const found = query === undefined ? count(total, 'picture') : `Best ${results.length} of ${count(total, 'picture')}`
    return [found, `${duration(ms)} in all`, serverMs === undefined ? '' : `${duration(serverMs)} on the server`].filter(Boolean).join(' · ')
  }

  function showResults(results) {
    // what is there already keeps its element: pictures do not flicker while one types
    const kept = new Map([...grid.children].map(item => [item.dataset.id, item]))
    const focused = grid.contains(document.activeElement) ? document.activeElement : undefined
    grid.replaceChildren(...results.map(result => {
      const item = kept.get(result.id) ?? tile(result, viewer)
      item.setScore(result.score)
      return item
    }))
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
    poll = setTimeout(() => void attempt(async () => {
      const before = state.indexed
      state = await galleryState()
      const ready = state.state === 'ready'
      if (ready || (query === undefined && grid.children.length < Math.min(wanted, state.indexed) && before !== state.indexed)) void job.now()
      watch()
    }), pollMs)
  }

  function pickFile() {
    const input = make('input', { type: 'file', accept: 'image/*', onchange: () => view.take([...input.files]) })
    input.click()
  }

  const view = {
    title: 'Gallery', lead: '', form: undefined, status,
    get present() { return state.folder !== null },
    async find() {
      state = await galleryState()
      view.lead = state.folder === null ? '' : `Search the pictures in “${state.folder}” with words or with a picture.`
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

const pick = ({ text, like, file }) => (text !== undefined ? { text } : like !== undefined ? { like } : { file })

function showProgress({ state, indexed, failed, pictures, leftOut, message }) {
  const box = byId('gallery-progress')
  const bar = byId('gallery-bar')
  const skipped = [
    failed > 0 && ` ${count(failed, 'file')} could not be read.`,
    leftOut > 0 && ` ${count(leftOut, 'picture')} more than the server indexes: left out.`,
  ].filter(Boolean).join('')
  box.hidden = state === 'ready' && skipped === ''
  bar.hidden = state !== 'indexing' && state !== 'scanning'
  if (state === 'indexing') {
    bar.max = Math.max(1, pictures)
    bar.value = indexed + failed
  } else bar.removeAttribute('value')
  byId('gallery-progress-text').textContent = {
    scanning: 'Looking through the folder…',
    indexing: `Reading the pictures: ${(indexed + failed).toLocaleString('en')} of ${pictures.toLocaleString('en')}. You can search already.${skipped}`,
    ready: skipped.trim(),
    failed: `The folder cannot be indexed: ${message}`,
  }[state]
}

function tile(result, viewer) {
  const image = make('img', { alt: '', loading: 'lazy', decoding: 'async', width: result.width, height: result.height })
  const score = make('span', { className: 'tile-score' })
  const button = make('button', { type: 'button', className: 'tile', onclick: () => viewer.open(result) }, image, make('span', { className: 'tile-name' }, result.name), score)
  const item = make('li', {}, button)
  item.dataset.id = result.id
  item.setScore = value => {
    result.score = value
    score.textContent = value === undefined ? '' : value.toFixed(3)
    button.setAttribute('aria-label', value === undefined ? result.name : `${result.name}, similarity ${value.toFixed(3)}`)
  }
  pictureAddress(result.thumbnail).then(address => { image.src = address }, () => button.classList.add('gone'))
  return item
}
