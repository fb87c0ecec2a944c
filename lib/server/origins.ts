/** Origins of web pages, as browsers send them. */
import { outOfRange } from '../errors.js'

const expected = "an origin such as 'https://shop.example' or 'http://localhost:3000', or '*' for all"

/**
 * The spelling that browsers send: scheme and host in lower case, IDN as ASCII, without the scheme's own port. What no
 * browser would send is refused, since it would allow nobody.
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
