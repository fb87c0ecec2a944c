/** The page: views behind the links of the head, and what they share. */
import { listModels } from './calls/api.js'
import { Failure } from './calls/failure.js'
import { session } from './calls/http.js'
import { galleryView } from './gallery/gallery.js'
import { announce, createDesk } from './parts/desk.js'
import { byId, make } from './parts/dom.js'
import { keepDrafts } from './parts/kept.js'
import { askForKey, listenForKey } from './parts/key.js'
import { listenForFiles, showTray } from './parts/pictures.js'
import { loadSamples } from './parts/samples.js'
import { listenForTheme } from './parts/theme-switch.js'
import { classifyView } from './views/classify.js'
import { compareView } from './views/compare.js'
import { rankView } from './views/rank.js'

const desk = createDesk({ askForKey: () => askForKey(begin) })
const { tray } = desk
const views = {
  classify: classifyView(desk),
  rank: rankView(desk),
  compare: compareView(desk),
  gallery: galleryView(desk),
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
  desk.clear()
  view.refresh()
}

/** The view that the address names; the gallery only where the server has one. */
function chosen() {
  const name = location.hash.slice(1)
  return Object.hasOwn(views, name) && (name !== 'gallery' || views.gallery.present) ? name : undefined
}

function take(files) {
  const pictures = files.filter(file => file.type === '' || file.type.startsWith('image/'))
  if (pictures.length > 0) view.take ? view.take(pictures) : tray.add(pictures)
  if (pictures.length === files.length) return
  const names = files.filter(file => !pictures.includes(file)).map(file => file.name)
  const [words, what] = names.length === 1
    ? [names[0], 'it is no picture']
    : [`${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`,
      'they are no pictures']
  desk.tell(new Failure('picture', `${words} left out: ${what}.`))
}

/** The models of the server. A server that cannot be reached or wants a key says so here first. */
async function start() {
  desk.clearNotice()
  return desk.attempt(
    async () => {
      const models = await listModels()
      const select = byId('model')
      select.replaceChildren(...models.map(id => make('option', { value: id }, id)))
      session.model = models.includes(session.model) ? session.model : models[0]
      select.value = session.model
      select.disabled = models.length < 2
      await views.gallery.find()
      byId('gallery-link').hidden = !views.gallery.present
    },
    undefined,
    begin,
  )
}

async function begin() {
  if (!await start()) return
  if (chosen() === 'gallery' && view !== views.gallery) open('gallery')
  else view.refresh()
}

let busy = false
session.onBusy = seconds => {
  const text = seconds > 0 ? `The server is busy. Trying again in ${seconds} s.` : 'Working…'
  const { status } = view === views.gallery ? view : desk
  status(text, busy ? '' : text) // counted down before the eyes, said once
  busy = seconds > 0
}

listenForTheme()
keepDrafts(document.querySelectorAll('main textarea, main input[id]:not([type=file])'))
showTray(tray, announce)
tray.addEventListener('change', () => {
  if (view !== views.gallery) view.refresh()
})
listenForFiles(take)
listenForKey()
byId('clear').addEventListener('click', () => {
  tray.clear()
  byId('choose').focus()
})
byId('samples').addEventListener('click', () => void loadSamples(desk))
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
window.addEventListener('hashchange', () => {
  if (chosen()) open(chosen())
})

open(chosen() ?? 'classify')
await begin()
