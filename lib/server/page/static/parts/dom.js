/** Small helpers of the document. Nothing here, and nothing that uses it, ever parses markup. */

export const byId = id => document.getElementById(id)

/**
 * Makes an element. Keys with a dash and `role`, `for` become attributes, `on…` listeners, `vars` CSS variables; all
 * others are properties. Children are nodes or texts; null and false are left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue
    if (key === 'vars') { for (const [name, number] of Object.entries(value)) element.style.setProperty(name, number) }
    else if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (key.includes('-') || attributes.has(key)) element.setAttribute(key, value)
    else element[key] = value
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false))
  return element
}

const attributes = new Set(['role', 'for', 'colspan', 'scope'])

/** Words for a count: 1 picture, 2 pictures. */
export function count(number, word) {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`
}

/** A share of 1 with as many digits as help: 98.7 %, 0.04 %. */
export function percent(share) {
  const value = share * 100
  if (value > 0 && value < 0.01) return '< 0.01 %'
  return `${value.toFixed(value < 1 ? 2 : 1)} %`
}

/** A cosine. */
export function signed(value) {
  return value.toFixed(3).replace('-', '−')
}

/** The size of a file for people. */
export function bytes(size) {
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1000))} kB` : `${(size / 1e6).toFixed(1)} MB`
}

/** Milliseconds for people. */
export function duration(ms) {
  return ms < 1000 ? `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
