/** Arguments as the system passed them: Node replaces invalid UTF-8, but file names of Linux are bytes. */
import { readFileSync, readlinkSync } from 'node:fs'

const replaced = '\ufffd'

/**
 * For each path a name of its file: the path itself, or, if its bytes are not UTF-8, a `file:` URL that preserves them.
 * If the bytes are not available (not Linux), the path is returned unchanged.
 */
export function exactPaths(paths: readonly string[]): (string | URL)[] {
  if (!paths.some(path => path.includes(replaced))) return [...paths]
  const raw = rawArguments()
  return paths.map(path => {
    if (!path.includes(replaced)) return path
    const at = raw.findIndex(bytes => bytes.toString() === path)
    return at < 0 ? path : urlOf(raw.splice(at, 1)[0]!) // matched one to one: names that look alike keep their order
  })
}

function rawArguments(): Buffer[] {
  try {
    return split(readFileSync('/proc/self/cmdline'))
  } catch {
    return []
  }
}

function split(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from))
    parts.push(bytes.subarray(from, to))
  return parts
}

function urlOf(path: Buffer): URL {
  const absolute = path[0] === 0x2f
    ? path
    : Buffer.concat([readlinkSync('/proc/self/cwd', { encoding: 'buffer' }), Buffer.from('/'), path])
  return new URL(fileUrlOf(absolute))
}

/** Of an absolute path that is no UTF-8: each byte but the plainest as %XX. Such names are POSIX's only. */
export function fileUrlOf(name: Uint8Array): string {
  const encoded = Array.from(name, byte => {
    const character = String.fromCharCode(byte)
    return /[\w./~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  })
  return `file://${encoded.join('')}`
}
