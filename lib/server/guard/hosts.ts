/** Hosts that requests may name, and origins of web pages that may use the server. */
import { ClipError, outOfRange } from '../../errors.js'
import { hostOf, isLoopback, matchesHost, plainAddress } from '../../remote/addresses.js'

/** @throws {ClipError} ERR_CLIP_HOST_REFUSED */
export type HostCheck = (header: string | undefined) => void

/**
 * Checks the Host header against DNS rebinding: a web page whose domain resolves to 127.0.0.1 has this server's origin
 * in the browser, and could read all its answers. Only the name reveals it.
 */
export function hostCheck(
  { host, allowedHosts, trustProxy }: { host: string; allowedHosts: readonly string[]; trustProxy: number },
): HostCheck {
  const local = isLoopback(hostOf(host)) && trustProxy === 0
  if (allowedHosts.includes('*') || (allowedHosts.length === 0 && !local)) return () => undefined
  return header => {
    // browsers always send it
    if (header === undefined) return
    const name = hostOf(header)
    // an address cannot resolve to another one
    if (plainAddress(name) !== undefined || isLoopback(name) || matchesHost(name, allowedHosts)) return
    throw new ClipError(
      'ERR_CLIP_HOST_REFUSED',
      `host '${name.slice(0, 80)}' is not a name of this server: allowedHosts (--allowed-hosts) lists its names`,
    )
  }
}

/** A name or address without scheme, port or path. */
export function checkHostName(name: string, host: string): string {
  if (host === '*' || /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/.test(host) || /^\[?[\da-f:.]+\]?$/i.test(host))
    return host.toLowerCase()
  throw outOfRange(name, "a host such as 'gallery.example' or '*.gallery.example'", host)
}

const expected = "an origin such as 'https://shop.example' or 'http://localhost:3000', or '*' for all"

/**
 * Normalises an origin as browsers send it: scheme and host in lower case, IDN as ASCII, no default port. Forms that no
 * browser sends are refused, since they would match nothing.
 */
export function checkOrigin(name: string, text: string): string {
  if (text === '*' || text === 'null') return text
  const refused = (why: string): Error => outOfRange(name, `${expected} (${why})`, text)
  const [, scheme, rest] = /^([a-z][a-z\d+.-]*):\/\/([^/?#\\\s]+)\/?$/i.exec(text) ?? []
  if (scheme === undefined || rest === undefined) {
    throw refused(/^[a-z][a-z\d+.-]*:\/\//i.test(text) ? 'no path' : 'with its scheme')
  }
  if (!URL.canParse(text)) throw refused('this cannot be read')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || rest.includes('@')) throw refused('no user')
  // pages of apps and extensions: 'capacitor://localhost', 'chrome-extension://...'
  const origin = url.origin === 'null' ? `${scheme}://${rest}`.toLowerCase() : url.origin
  if (!/^[a-z\d+.-]+:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/.test(origin))
    throw refused('one host by its name; no pattern')
  return origin
}
