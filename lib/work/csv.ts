/** Tables as text (RFC 4180): quoted values may hold the separator, line ends, and quotes written twice. */

/** Rows of the lines of a file; blank lines are left out. */
export async function* csvRows(lines: AsyncIterable<string>, separator: string): AsyncGenerator<string[]> {
  let row: string[] = []
  /** The beginning of a quoted value that goes on with the next line. */
  let open: string | undefined
  for await (const line of lines) {
    if (open === undefined && line.trim() === '') continue
    for (let at = 0; at >= 0;) {
      if (open === undefined && line[at] !== '"') {
        const end = line.indexOf(separator, at)
        row.push(line.slice(at, end < 0 ? undefined : end))
        at = end < 0 ? -1 : end + 1
        continue
      }
      const { text, end } = restOfQuoted(line, open === undefined ? at + 1 : at)
      if (end === undefined) {
        open = `${open ?? ''}${text}\n`
        break
      }
      row.push(`${open ?? ''}${text}`)
      open = undefined
      // what stands between a closing quote and the separator belongs to no value
      const next = line.indexOf(separator, end)
      at = next < 0 ? -1 : next + 1
    }
    if (open !== undefined) continue
    yield row
    row = []
  }
  // a quote that was not closed: its value ends with the file
  if (open !== undefined) yield [...row, open.slice(0, -1)]
}

/**
 * From `from`, which is inside the quotes; `end`: behind the closing quote, if it is in this line. Each character is
 * looked at once, however long the value is.
 */
function restOfQuoted(line: string, from: number): { text: string; end?: number } {
  let text = ''
  for (let at = from;;) {
    const quote = line.indexOf('"', at)
    if (quote < 0) return { text: text + line.slice(at) }
    text += line.slice(at, quote)
    if (line[quote + 1] !== '"') return { text, end: quote + 1 }
    text += '"'
    at = quote + 2
  }
}
