'use strict'

const { pictures } = window
const element = id => document.getElementById(id)
const status = text => (element('status').textContent = text)
/** Only the newest search is shown. */
let asked = 0

function figure({ path, similarity }, note = `${Math.round(similarity * 100)} %`) {
  const figure = document.createElement('figure'), image = document.createElement('img')
  image.src = `picture://local/${encodeURIComponent(path)}`
  image.alt = path
  image.loading = 'lazy'
  image.title = `${path}\nClick: show it in its folder. Shift-click: search for similar ones.`
  image.addEventListener('click', event => {
    if (event.shiftKey) void show(() => pictures.call('byPicture', path))
    else pictures.reveal(path)
  })
  const caption = document.createElement('figcaption')
  caption.textContent = `${note} ${path.split(/[\\/]/).at(-1)}`
  figure.append(image, caption)
  return figure
}

/** Hits, or groups of duplicates. */
function render(list) {
  if (list.length === 0) return ['Nothing was found.']
  if (!list[0].keep) return list.map(hit => figure(hit))
  return list.flatMap(({ keep, others }, i) => {
    const heading = document.createElement('h2')
    heading.textContent = `Group ${i + 1}`
    return [heading, figure(keep, 'keep:'), ...others.map(file => figure(file, 'like it:'))]
  })
}

async function show(ask) {
  const number = ++asked
  try {
    const list = await ask()
    if (number === asked) element('results').replaceChildren(...render(list))
  } catch (error) {
    status(error.message)
  }
}

function showState({ folders, pictures: count, failed }) {
  status(`${count} pictures${failed > 0 ? `, ${failed} files could not be read` : ''}`)
  element('folders').replaceChildren(...folders.map(folder => {
    const item = document.createElement('li'), remove = document.createElement('button')
    remove.textContent = '×'
    remove.title = `Forget ${folder}`
    remove.addEventListener('click', () => void change(() => pictures.call('forget', folder)))
    item.append(remove, ` ${folder}`)
    return item
  }))
}

async function change(call) {
  try {
    showState(await call())
  } catch (error) {
    status(error.message)
  }
}

const add = paths => paths.length > 0 && change(() => pictures.call('add', paths))

element('search').addEventListener('submit', event => {
  event.preventDefault()
  const words = element('words').value.trim()
  if (words !== '') void show(() => pictures.call('byWords', words))
})
element('duplicates').addEventListener('click', () => void show(() => pictures.call('duplicates')))
element('add').addEventListener('click', async () => void add(await pictures.choose()))
document.addEventListener('dragover', event => {
  event.preventDefault()
  document.body.classList.add('over')
})
document.addEventListener('dragleave', () => document.body.classList.remove('over'))
document.addEventListener('drop', event => {
  event.preventDefault()
  document.body.classList.remove('over')
  const files = [...event.dataTransfer.files]
  const paths = files.map(file => pictures.pathOf(file))
  // a picture dropped on the words is what is searched for; anything else is added
  if (event.target === element('words') && files.length === 1) void show(() => pictures.call('byPicture', paths[0]))
  else void add(paths)
})
pictures.onEvent(({ event, done, total, counted, perSecond }) => {
  if (event === 'progress')
    status(`${done} of ${counted ? total : `more than ${total}`}, ${Math.round(perSecond)} a second`)
})
void change(() => pictures.call('state'))
