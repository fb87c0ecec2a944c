/** Layout of text for people. */
import { stripVTControlCharacters } from 'node:util'

type Paint = (text: string) => string
export type Paints = Record<'bold' | 'dim' | 'green' | 'red' | 'cyan', Paint>

const codes = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39], cyan: [36, 39] } as const
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|\p{Emoji_Presentation}/u
const unseen = /[\p{Mn}\p{Cf}]/u

/** ANSI colours, or none. */
export function paints(colours: boolean): Paints {
  const entries = Object.entries(codes).map(([name, [on, off]]): [string, Paint] => [
    name,
    colours ? text => text && `\x1b[${on}m${text}\x1b[${off}m` : text => text,
  ])
  return Object.fromEntries(entries) as Paints
}

/**
 * Lines of aligned columns, separated by two spaces. `alignment`: 'l' or 'r' for each column. Cells may contain
 * colours, but no other control characters.
 */
export function table(rows: readonly (readonly string[])[], alignment: string): string[] {
  const widths = Array.from(alignment, (_, column) => (
    rows.reduce((most, row) => Math.max(most, displayWidth(row[column] ?? '')), 0)
  ))
  return rows.map(row =>
    row.map((cell, column) => {
      const padding = ' '.repeat(widths[column]! - displayWidth(cell))
      return alignment[column] === 'r' ? padding + cell : cell + padding
    }).join('  ').trimEnd()
  )
}

/** A share from 0 to 1 as a bar. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8]!
}

/** 0.1234 as '12.3 %'. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** '1 picture', '2 pictures'. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** 1234567 as '1.2 MB'. */
export function byteSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]!}`
}

/** Escapes control characters: file names and texts can neither break a line nor control the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, character => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** The beginning of an uncoloured text that fits this many columns. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text
  let kept = ''
  for (const character of text) {
    if (displayWidth(kept + character) > columns - 1) break
    kept += character
  }
  return `${kept}…`
}

/** Width of a text on a terminal, in columns. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) {
    if (!unseen.test(character)) width += wide.test(character) ? 2 : 1
  }
  return width
}
