/** The reference's character classes, as the inside of a JavaScript character class (flag `u`). */
import * as tables from './unicode-tables.js'

const classes = new Map<string, string>()

/** White_Space: the white space of Rust and Oniguruma. JavaScript's `\s` includes U+FEFF but lacks U+0085. */
export const space = '\\p{White_Space}'
/** `\w` of Rust's regex library, which delimits words for added tokens. */
export const wordOfRegex = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}'

/** For `new RegExp('[' + classOf('letters') + ']', 'u')`. */
export function classOf(name: keyof typeof tables): string {
  let made = classes.get(name)
  if (made === undefined) classes.set(name, made = decode(tables[name]))
  return made
}

function decode(table: string): string {
  const escape = (code: number): string => `\\u{${code.toString(16)}}`
  let next = 0
  return table.split(' ').map(range => {
    const [gap, more = '0'] = range.split(',') as [string, string?]
    const first = next + Number.parseInt(gap, 36)
    const last = first + Number.parseInt(more, 36)
    next = last + 1
    return last === first ? escape(first) : `${escape(first)}-${escape(last)}`
  }).join('')
}
