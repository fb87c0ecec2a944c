/** Which files of the folders are searched. */
import { byId, make } from '../parts/dom.js'

const field = name => byId(`filter-${name}`)
const names = ['folder', 'path', 'camera', 'taken-after', 'taken-before', 'near', 'min-size', 'max-size', 'fitting']

/** `onChange`: called when one of them is. */
export function filtersOf(onChange) {
  for (const name of names) field(name).addEventListener('input', onChange)
  byId('filter-clear').addEventListener('click', () => {
    for (const name of names) {
      if (field(name).type === 'checkbox') field(name).checked = false
      else field(name).value = ''
      field(name).dispatchEvent(new Event('change', { bubbles: true })) // kept over a reload as it is
    }
    onChange()
    field('path').focus()
  })
  return {
    /** The folders that may be chosen. */
    offer(folders) {
      field('folder').closest('label').hidden = folders.length < 2
      field('folder').replaceChildren(
        make('option', { value: '' }, 'All folders'),
        ...folders.map(name => make('option', { value: name }, name)),
      )
    },
    get active() {
      return Object.keys(this.read()).length > 0
    },
    /** As the server wants them. */
    read() {
      const text = name => field(name).value.trim() || undefined
      const bytes = name => (field(name).value === '' ? undefined : Math.round(Number(field(name).value) * 1000))
      const filter = {
        folder: text('folder'),
        path: globOf(text('path')),
        camera: text('camera'),
        taken_after: text('taken-after'),
        taken_before: dayAfter(text('taken-before')),
        near: placeOf(text('near')),
        min_bytes: bytes('min-size'),
        max_bytes: bytes('max-size'),
      }
      return {
        ...(Object.values(filter).some(value => value !== undefined) && { filter }),
        ...(field('fitting').checked && { min_similarity: 'auto' }),
      }
    },
  }
}

/** Plain words are a part of the path. */
function globOf(text) {
  if (text === undefined || /[*?[{]/.test(text)) return text
  return text.includes('/') ? `${text.replace(/\/+$/, '')}/**` : `{*${text}*,*${text}*/**}`
}

/** 'until' a day includes it. */
function dayAfter(day) {
  if (day === undefined) return undefined
  const date = new Date(`${day}T00:00Z`)
  date.setUTCDate(date.getUTCDate() + 1)
  return date.toISOString().slice(0, 10)
}

function placeOf(text) {
  const [latitude, longitude, km] = (text ?? '').split(/[,\s]+/).map(part => (part === '' ? NaN : Number(part)))
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined
  return { latitude, longitude, ...(km >= 0 && { km }) }
}
