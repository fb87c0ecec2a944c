/** Search of the server's folder, by words or by a picture. */
import { galleryPictures, galleryRefresh, gallerySearch, galleryState, pictureAddress } from './api.js'
import { announce } from './desk.js'
import { byId, count, duration, make, signed } from './dom.js'
import { Job } from './job.js'
import { timingList } from './timing.js'
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
  const viewer = createViewer(({ id, name, thumbnail }) => {
    search({ like: id, name, thumbnail })
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
    void job.now()
  }

  async function run(signal) {
    desk.clearNotice()
    showSubject()
    status('Working…')
    grid.setAttribute('aria-busy', 'true')
    await attempt(async () => {
      const answer = query === undefined
        ? await galleryPictures(0, wanted, signal)
        : await gallerySearch(query, wanted, signal)
      if (query && query.text === undefined) field.value = '' // not before: where the picture fails, the words are there
      showResults(answer.results)
      more.hidden = answer.results.length >= answer.total || answer.results.length < wanted
      status(summary(answer), spoken(answer))
      byId('gallery-timing').replaceChildren(...[query && timingList(answer.stages)].filter(Boolean))
    }, signal)
    if (!signal.aborted) grid.removeAttribute('aria-busy')
  }

  async function attempt(work, signal) {
    const well = await desk.attempt(work, signal, () => job.now())
    if (!well && !signal?.aborted) status('')
  }

  function showSubject() {
    const subject = byId('gallery-subject')
    if (query?.text !== undefined || query === undefined) return subject.replaceChildren()
    const { file, thumbnail } = query
    const picture = make('img', { alt: '' })
    if (file) picture.src = URL.createObjectURL(file)
    else void pictureAddress(thumbnail).then(address => {
        picture.src = address
      }, () => picture.remove())
    picture.onload = () => URL.revokeObjectURL(picture.src) // no harm to other addresses
    picture.onerror = () => picture.remove()
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
      }, 'Show the whole folder'),
    )
  }

  function summary({ results, total, ms }) {
    if (total === 0) return state.state === 'ready' ? 'There are no pictures in this folder yet.' : ''
    const found = query === undefined ? count(total, 'picture') : `Best ${results.length} of ${count(total, 'picture')}`
    return `${found} · ${duration(ms)} in all`
  }

  function spoken(answer) {
    const best = query &&
      answer.results.slice(0, 3).map(({ name, score }) => `${name}, similarity ${signed(score)}`).join('; ')
    return best ? `Best of ${count(answer.total, 'picture')}: ${best}.` : summary(answer)
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
    poll = setTimeout(() =>
      void attempt(async () => {
        const before = state.indexed
        state = await galleryState()
        const ready = state.state === 'ready'
        if (
          ready ||
          (query === undefined && grid.children.length < Math.min(wanted, state.indexed) && before !== state.indexed)
        ) void job.now()
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
      return state.folder !== null
    },
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
    indexing: `Reading the pictures: ${(indexed + failed).toLocaleString('en')} of ${
      pictures.toLocaleString('en')
    }. You can search already.${skipped}`,
    ready: skipped.trim(),
    failed: `The folder cannot be indexed: ${message}`,
  }[state]
}

function tile(result, viewer) {
  const image = make('img', { alt: '', loading: 'lazy', decoding: 'async', width: result.width, height: result.height })
  const score = make('span', { className: 'tile-score' })
  const button = make(
    'button',
    { type: 'button', className: 'tile', onclick: () => viewer.open(result) },
    image,
    make('span', { className: 'tile-name' }, result.name),
    score,
  )
  const item = make('li', {}, button)
  item.dataset.id = result.id
  item.setScore = value => {
    result.score = value
    score.replaceChildren(
      ...(value === undefined ? [] : [make('span', { className: 'unseen' }, 'similarity '), signed(value)]),
    )
  }
  const gone = () => button.classList.add('gone')
  pictureAddress(result.thumbnail).then(address => {
    image.src = address
  }, gone)
  image.onload = () => URL.revokeObjectURL(image.src) // no harm to other addresses
  image.onerror = gone
  return item
}
