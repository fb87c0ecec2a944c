/** The chosen pictures: kept, shown, and filled by button, drop and paste. */
import { byId, count, make } from './dom.js'

let lastId = 0

export class Tray extends EventTarget {
  /** `{ id, name, file, url }` in the order of arrival. */
  list = []

  add(files) {
    const added = [...files].map(file => ({
      id: ++lastId,
      name: file.name || 'pasted picture',
      file,
      url: URL.createObjectURL(file),
    }))
    this.#change([...this.list, ...added])
    return added
  }

  remove(id) {
    const gone = this.list.filter(picture => picture.id === id)
    this.#change(this.list.filter(picture => picture.id !== id))
    for (const { url } of gone) URL.revokeObjectURL(url)
  }

  clear() {
    const gone = this.list
    this.#change([])
    for (const { url } of gone) URL.revokeObjectURL(url)
  }

  #change(list) {
    this.list = list
    this.dispatchEvent(new Event('change'))
  }
}

/** A picture of the tray; a browser that cannot show the kind of file (TIFF, HEIC) shows its name instead. */
export function thumbnail(picture, alt = '') {
  return make('img', {
    src: picture.url,
    alt,
    decoding: 'async',
    onerror: event =>
      event.currentTarget.replaceWith(
        make('span', {
          className: 'no-preview',
          title: picture.name,
          role: alt ? 'img' : undefined,
          'aria-label': alt || undefined,
        }, picture.name.split('.').pop().slice(0, 5).toUpperCase()),
      ),
  })
}

/** Shows the tray and gives every picture a button that removes it. */
export function showTray(tray, announce) {
  const list = byId('tray')
  const items = new Map()
  const remove = picture => {
    const place = tray.list.indexOf(picture)
    tray.remove(picture.id)
    announce(`${picture.name} removed. ${count(tray.list.length, 'picture')} left.`)
    // the focus stays where the reader was
    const buttons = list.querySelectorAll('button')
    ;(buttons[Math.min(place, buttons.length - 1)] ?? byId('choose')).focus()
  }
  tray.addEventListener('change', () => {
    const wanted = new Set(tray.list.map(picture => picture.id))
    for (const [id, item] of items) {
      if (wanted.has(id)) continue
      item.remove()
      items.delete(id)
    }
    for (const picture of tray.list) {
      if (items.has(picture.id)) continue
      const button = make('button', {
        type: 'button',
        className: 'remove',
        'aria-label': `Remove ${picture.name}`,
        title: 'Remove',
        onclick: () => remove(picture),
      }, '×')
      const item = make('li', {}, thumbnail(picture, picture.name), button)
      items.set(picture.id, item)
      list.append(item)
    }
    byId('clear').hidden = tray.list.length < 2
    byId('samples').hidden = tray.list.length > 0
    byId('drop').classList.toggle('compact', tray.list.length > 0)
  })
}

/** Files reach `take` by the button, by a drop anywhere and by paste anywhere. */
export function listenForFiles(take) {
  const input = byId('files')
  byId('choose').addEventListener('click', () => input.click())
  input.addEventListener('change', () => {
    take([...input.files])
    input.value = ''
  })
  document.addEventListener('paste', event => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return // a text, for the field that has the focus
    event.preventDefault()
    take(files)
  })
  listenForDrops(take)
}

function listenForDrops(take) {
  const cover = byId('drop-cover')
  const hasFiles = event => event.dataTransfer?.types.includes('Files')
  let depth = 0 // enter and leave come for each element on the way
  document.addEventListener('dragenter', event => {
    if (!hasFiles(event)) return
    depth++
    cover.hidden = false
  })
  document.addEventListener('dragleave', event => {
    if (!hasFiles(event)) return
    depth = Math.max(0, depth - 1)
    cover.hidden = depth === 0
  })
  document.addEventListener('dragover', event => {
    if (hasFiles(event)) event.preventDefault()
  })
  document.addEventListener('drop', event => {
    if (!hasFiles(event)) return
    event.preventDefault()
    depth = 0
    cover.hidden = true
    take([...event.dataTransfer.files])
  })
}
