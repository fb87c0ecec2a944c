/** The page: views behind the links of the head, and what they share. */
import { listModels, session } from './api.js'
import { classifyView } from './classify.js'
import { compareView } from './compare.js'
import { byId, count, make } from './dom.js'
import { Failure } from './failure.js'
import { galleryView } from './gallery.js'
import { listenForFiles, showTray, Tray } from './pictures.js'
import { rankView } from './rank.js'
import { loadSamples } from './samples.js'

const tray = new Tray()
const notice = byId('notice')
const results = byId('results')

const desk = {
  tray,
  model: () => session.model,
  status: text => { byId('status').textContent = text },
  show(element) {
    element.classList.remove('dim')
    if (results.firstChild !== element) results.replaceChildren(element)
  },
  /** The results of before stay to be read until the new ones come. */
  dim: () => results.firstElementChild?.classList.add('dim'),
  showHint(text) {
    desk.status('')
    const ghost = make('div', { className: 'ghost', 'aria-hidden': 'true' }, ...['0.86', '0.4', '0.18'].map((share, place) => (
      make('span', { className: place === 0 ? 'best' : '' }, make('span', { className: 'bar', vars: { '--share': share } }))
    )))
    results.replaceChildren(make('div', { className: 'hint' }, ghost, make('p', {}, text)))
  },
  clearNotice: () => notice.replaceChildren(),
  /** Says what failed, and offers what helps. */
  tell(failure, again) {
    const button = (text, onclick) => make('button', { type: 'button', onclick }, text)
    notice.replaceChildren(make('p', {}, failure.message), ...[
      failure.kind === 'key' && button('Enter the key', () => askForKey(again)),
      failure.passing && button('Try again', again),
    ].filter(Boolean))
  },
  /** Runs `work`; what fails is told. */
  async attempt(work, signal, job) {
    try {
      await work()
    } catch (error) {
      if (signal.aborted) return
      const failure = error instanceof Failure ? error : new Failure('server', `Something failed in this page: ${error.message}`, { cause: error })
      desk.status('')
      desk.tell(failure, () => job.now())
      if (!(error instanceof Failure)) throw error
    }
  },
}

const views = {
  classify: classifyView(desk), rank: rankView(desk), compare: compareView(desk), gallery: galleryView(desk),
}
let view

function open(name) {
  view?.stop()
  view = views[name]
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  document.title = `${view.title} · ggclip`
  byId('title').textContent = view.title
  byId('lead').textContent = view.lead
  byId('gallery').hidden = name !== 'gallery'
  byId('workbench').hidden = name === 'gallery'
  for (const form of document.querySelectorAll('form[data-view]')) form.hidden = form !== view.form
  desk.clearNotice()
  desk.status('')
  if (name !== 'gallery') results.replaceChildren()
  view.refresh()
}

const chosen = () => (Object.hasOwn(views, location.hash.slice(1)) ? location.hash.slice(1) : undefined)

function take(files) {
  if (files.length === 0) return
  if (view.take) return view.take(files)
  const pictures = files.filter(file => file.type === '' || file.type.startsWith('image/'))
  if (pictures.length > 0) tray.add(pictures)
  if (pictures.length < files.length) {
    desk.tell(new Failure('picture', `${count(files.length - pictures.length, 'file')} left out: no picture by its kind.`))
  }
}

function askForKey(again) {
  const dialog = byId('key-dialog')
  dialog.addEventListener('close', () => {
    if (dialog.returnValue !== 'use') return
    session.key = byId('key').value.trim()
    byId('key').value = ''
    void start().then(again)
  }, { once: true })
  dialog.returnValue = ''
  dialog.showModal()
}

/** The models of the server. A server that cannot be reached or wants a key says so here first. */
async function start() {
  desk.clearNotice()
  const select = byId('model')
  try {
    const models = await listModels()
    select.replaceChildren(...models.map(id => make('option', { value: id }, id)))
    session.model = models.includes(session.model) ? session.model : models[0]
    select.value = session.model
    select.disabled = models.length < 2
    await views.gallery.find()
    byId('gallery-link').hidden = !views.gallery.present
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    desk.tell(error, () => start())
  }
}

function choosesTheme() {
  const kept = localStorage.getItem('ggclip-theme') ?? 'auto'
  for (const input of document.querySelectorAll('input[name=theme]')) {
    input.checked = input.value === kept
    input.addEventListener('change', () => {
      if (input.value === 'auto') {
        localStorage.removeItem('ggclip-theme')
        delete document.documentElement.dataset.theme
      } else {
        localStorage.setItem('ggclip-theme', input.value)
        document.documentElement.dataset.theme = input.value
      }
    })
  }
}

session.onBusy = seconds => (view === views.gallery ? views.gallery.status : desk.status)(
  seconds > 0 ? `The server is busy. Trying again in ${seconds} s.` : 'Working…',
)
choosesTheme()
showTray(tray, desk.status)
tray.addEventListener('change', () => { if (view !== views.gallery) view.refresh() })
listenForFiles(take)
byId('clear').addEventListener('click', () => {
  tray.clear()
  byId('choose').focus()
})
byId('samples').addEventListener('click', () => void loadSamples(desk))
byId('key-cancel').addEventListener('click', () => byId('key-dialog').close())
byId('model').addEventListener('change', event => {
  session.model = event.target.value
  view.refresh()
})
for (const form of document.querySelectorAll('form[data-view]')) {
  form.addEventListener('submit', event => {
    event.preventDefault()
    view.refresh()
  })
}
window.addEventListener('hashchange', () => { if (chosen()) open(chosen()) })

open(chosen() === 'gallery' ? 'classify' : chosen() ?? 'classify')
await start()
if (chosen() === 'gallery' && views.gallery.present) open('gallery')
