/** Tables as text (RFC 4180): quoted values may hold the separator, line ends, and quotes written twice. */

/** Rows of the lines of a file; blank lines are left out. */
export async function* csvRows(lines: AsyncIterable<string>, separator: string): AsyncGenerator<string[]> {
  let row: string[] = []
  /** A quoted value that began on an earlier line. */
  let open: string | undefined
  for await (const line of lines) {
    if (open === undefined && line.trim() === '') continue
    let rest = open === undefined ? line : `${open}\n${line}`
    open = undefined
    for (;;) {
      if (!rest.startsWith('"')) {
        const end = rest.indexOf(separator)
        row.push(end < 0 ? rest : rest.slice(0, end))
        if (end < 0) break
        rest = rest.slice(end + 1)
        continue
      }
      const end = /^"(?:[^"]|"")*"/.exec(rest)?.[0].length
      if (end === undefined) {
        open = rest
        break
      }
      row.push(rest.slice(1, end - 1).replaceAll('""', '"'))
      // what stands between a closing quote and the separator belongs to no value
      const next = rest.indexOf(separator, end)
      if (next < 0) break
      rest = rest.slice(next + 1)
    }
    if (open !== undefined) continue
    yield row
    row = []
  }
  if (open !== undefined) row.push(open.slice(1))
  if (row.length > 0) yield row
}
