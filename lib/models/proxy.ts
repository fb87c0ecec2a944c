/** Chooses a request's proxy from the environment variables that curl, npm and the hub's own clients use. */
import { BlockList, isIP } from 'node:net'

import { outOfRange } from '../errors.js'

type Environment = Readonly<Record<string, string | undefined>>

export interface Proxy {
  secure: boolean
  /** Without the brackets of an IPv6 address. */
  host: string
  port: number
  /** Value of Proxy-Authorization, if the proxy's URL has a name and a password. */
  authorization: string | undefined
  /** For messages, without the password: "proxy.example:3128 (HTTPS_PROXY)". */
  name: string
}

export type ProxyChoice = (url: URL) => Proxy | undefined

/**
 * `https_proxy` or `http_proxy`, by the URL's scheme, else `all_proxy`; none for hosts in `no_proxy`. Lower-case names
 * take precedence over upper-case ones.
 *
 * @returns a function that throws {RangeError} ERR_CLIP_OUT_OF_RANGE for an unusable proxy
 */
export function proxyChoice(env: Environment): ProxyChoice {
  const bypass = bypassList(env.no_proxy || env.NO_PROXY || '')
  // a web server's CGI programs get HTTP_PROXY from a header that any client can send
  const plainNames = env.REQUEST_METHOD === undefined ? ['http_proxy', 'HTTP_PROXY'] : ['http_proxy']
  return url => {
    const names = [...(url.protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY'] : plainNames), 'all_proxy',
      'ALL_PROXY']
    const variable = names.find(name => env[name]?.trim())
    return variable === undefined || bypass(url) ? undefined : parseProxy(variable, env[variable]!.trim())
  }
}

function parseProxy(variable: string, value: string): Proxy {
  const text = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    // the value may contain a password
    throw outOfRange(
      variable,
      'an http:// or https:// address of a proxy',
      url ? `${url.protocol}//...` : 'something else',
    )
  }
  const secure = url.protocol === 'https:'
  const login = `${decode(url.username)}:${decode(url.password)}`
  return {
    secure,
    host: bareHost(url),
    port: portOf(url),
    authorization: login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
    name: `${url.host} (${variable})`,
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a password with a lone '%'
  }
}

/**
 * Entries: `*`, a name (with its subdomains), `.name`, `*.name`, an address, a range such as 10.0.0.0/8; each with or
 * without a port.
 */
function bypassList(text: string): (url: URL) => boolean {
  const tests = text.split(/[\s,]+/).filter(entry => entry !== '').map(entryTest)
  return url => {
    const [host, port] = [bareHost(url), portOf(url)]
    return tests.some(test => test(host, port))
  }
}

function entryTest(entry: string): (host: string, port: number) => boolean {
  const [, bracketed, named, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? []
  const name = (bracketed ?? named ?? entry).toLowerCase().replace(/\.$/, '')
  const port = digits === undefined ? undefined : Number(digits)
  const fits = addressTest(name) ?? nameTest(name)
  return (host, hostPort) => (port === undefined || port === hostPort) && fits(host)
}

function addressTest(name: string): ((host: string) => boolean) | undefined {
  const [address = '', bits, ...more] = name.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return undefined
  const longest = version === 4 ? 32 : 128
  const length = bits === undefined ? longest : /^\d+$/.test(bits) ? Number(bits) : NaN
  if (!(length <= longest)) return () => false
  const list = new BlockList()
  list.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6')
  return host => isIP(host) !== 0 && list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6')
}

function nameTest(name: string): (host: string) => boolean {
  const bare = name.replace(/^\*?\.(?=.)/, '')
  if (!bare.includes('*')) return host => host === bare || host.endsWith(`.${bare}`)
  const pattern = new RegExp(`^${bare.split('*').map(part => part.replace(/[^\w-]/g, '\\$&')).join('.*')}$`)
  return host => pattern.test(host)
}

function bareHost(url: URL): string {
  return url.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}
