/** Addresses and hosts: who a client is, which hosts are this machine, and from where the server may fetch. */
import { BlockList, isIP, isIPv6 } from 'node:net'

import type IpAddr from 'ipaddr.js'

/** Loaded with the first address: users of the library without a server do not need it. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- at first use
const ipaddr = (): typeof IpAddr => require('ipaddr.js') as typeof IpAddr

/**
 * Normalises an address as written by proxies and sockets (brackets, port, zone, IPv4-mapped IPv6); undefined for
 * anything else, such as 'unknown'.
 */
export function plainAddress(text: string): string | undefined {
  const trimmed = text.trim().replace(/^"(.*)"$/, '$1')
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed
  const address = bare.replace(/%.*$/, '')
  return isIP(address) > 0 ? ipaddr().process(address).toString() : undefined
}

/** Identifies a client: by its IPv4 address, or by the /64 from which an IPv6 host chooses its addresses. */
export function clientOf(address: string): string {
  if (!isIPv6(address)) return address
  const network = ipaddr().IPv6.parse(address).parts.slice(0, 4)
  return `${new (ipaddr().IPv6)([...network, 0, 0, 0, 0]).toString()}/64`
}

/**
 * The client's address behind `proxies` of one's own. Each proxy appends the address that it sees to X-Forwarded-For
 * (or to Forwarded, if the other is absent); entries before those may be forged.
 */
export function addressOf(
  socket: string | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  proxies: number,
): string {
  const seen = [socket ?? '', ...forwarded(headers).slice(0, proxies)].map(plainAddress)
  // a proxy that hides its clients counts as one client
  const unknown = seen.indexOf(undefined)
  return seen[unknown === -1 ? seen.length - 1 : Math.max(0, unknown - 1)] ?? 'unknown'
}

/** The last one first. */
function forwarded(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  const list = headers['x-forwarded-for']
  if (list !== undefined) return String(list).split(',').reverse()
  if (headers.forwarded === undefined) return []
  // RFC 7239; no address contains a quoted comma or semicolon
  return String(headers.forwarded).split(',').map(element =>
    /(?:^|;)\s*for=\s*("[^"]*"|[^;\s]*)/i.exec(element)?.[1] ?? ''
  ).reverse()
}

/** Normalises the host of a Host header or a URL: no port, no brackets, lower case, no trailing dot. */
export function hostOf(header: string): string {
  if (isIPv6(header)) return header.toLowerCase()
  const name = /^\[([^\]]*)\](?::\d*)?$/.exec(header)?.[1] ?? header.replace(/:\d*$/, '')
  return name.toLowerCase().replace(/\.$/, '')
}

/** Whether the host always means this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const address = plainAddress(host)
  return address !== undefined && ipaddr().parse(address).range() === 'loopback'
}

/** Whether `host` matches one of `patterns`; a leading `*.` matches subdomains. */
export function matchesHost(host: string, patterns: readonly string[]): boolean {
  return patterns.some(
    pattern => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1).toLowerCase()) : host === hostOf(pattern)),
  )
}

/**
 * Whether an address in normal form is global unicast: an ordinary host on the internet. All of IANA's special-purpose
 * registries are refused, as are addresses that carry an IPv4 address to a gateway (NAT64, 6to4, Teredo,
 * IPv4-compatible).
 */
export function isPublic(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false
  const plain = ipaddr().process(address)
  const text = plain.toString()
  if (plain.kind() === 'ipv4') return !notPublic.check(text, 'ipv4')
  return globalUnicast.check(text, 'ipv6') && !notPublic.check(text, 'ipv6')
}

const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** https://www.iana.org/assignments/iana-ipv4-special-registry, .../iana-ipv6-special-registry */
const notPublic = new BlockList()
for (
  const range of [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.0.2.0/24',
    '192.31.196.0/24',
    '192.52.193.0/24',
    '192.88.99.0/24',
    '192.168.0.0/16',
    '192.175.48.0/24',
    '198.18.0.0/15',
    '198.51.100.0/24',
    '203.0.113.0/24',
    '224.0.0.0/3',
    '168.63.129.16/32', // the host agent of Azure's virtual machines, in no special range
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '2620:4f:8000::/48',
    '3fff::/20',
  ]
) {
  const [network, bits] = range.split('/') as [string, string]
  // not isIPv6(), which first compiles its expression: milliseconds at every start
  notPublic.addSubnet(network, Number(bits), network.includes(':') ? 'ipv6' : 'ipv4')
}
