/** What addresses and hosts are: who a client is, which hosts are this machine, and what may be fetched from. */
import { BlockList, isIP, isIPv6 } from 'node:net'

import type IpAddr from 'ipaddr.js'

/** Loaded with the first address: who imports the library for encoding alone pays nothing for the server. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- at first use
const ipaddr = (): typeof IpAddr => require('ipaddr.js') as typeof IpAddr

/**
 * An address as proxies and sockets write it (brackets, port, zone, IPv4 dressed as IPv6) in its one plain form;
 * undefined for what is none, such as 'unknown'.
 */
export function plainAddress(text: string): string | undefined {
  const trimmed = text.trim().replace(/^"(.*)"$/, '$1')
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed
  const address = bare.replace(/%.*$/, '')
  return isIP(address) > 0 ? ipaddr().process(address).toString() : undefined
}

/** Who counts as one client: an IPv4 address, or the /64 that an IPv6 host chooses its addresses from. */
export function clientOf(address: string): string {
  if (!isIPv6(address)) return address
  const network = ipaddr().IPv6.parse(address).parts.slice(0, 4)
  return `${new (ipaddr().IPv6)([...network, 0, 0, 0, 0]).toString()}/64`
}

/**
 * The address that a request comes from, behind `proxies` of one's own. Each adds the address that it sees at the end of
 * X-Forwarded-For (or of Forwarded, where the other is not sent); what stands before those, anybody can write.
 */
export function addressOf(
  socket: string | undefined,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  proxies: number,
): string {
  const seen = [socket ?? '', ...forwarded(headers).slice(0, proxies)].map(plainAddress)
  // a proxy that hides whom it serves stands for all of them
  const unknown = seen.indexOf(undefined)
  return seen[unknown === -1 ? seen.length - 1 : Math.max(0, unknown - 1)] ?? 'unknown'
}

/** The last one first. */
function forwarded(headers: Readonly<Record<string, string | string[] | undefined>>): string[] {
  const list = headers['x-forwarded-for']
  if (list !== undefined) return String(list).split(',').reverse()
  if (headers.forwarded === undefined) return []
  // RFC 7239; a comma or semicolon in quotes stands in no address
  return String(headers.forwarded).split(',').map(element =>
    /(?:^|;)\s*for=\s*("[^"]*"|[^;\s]*)/i.exec(element)?.[1] ?? ''
  ).reverse()
}

/** The host of a Host header or an URL in one form: no port, no brackets, lower case, no dot at the end. */
export function hostOf(header: string): string {
  if (isIPv6(header)) return header.toLowerCase()
  const name = /^\[([^\]]*)\](?::\d*)?$/.exec(header)?.[1] ?? header.replace(/:\d*$/, '')
  return name.toLowerCase().replace(/\.$/, '')
}

/** Whether the host means this machine for everybody who writes it. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true
  const address = plainAddress(host)
  return address !== undefined && ipaddr().parse(address).range() === 'loopback'
}

/** Whether `host` is one of `patterns`; a leading `*.` admits subdomains. */
export function matchesHost(host: string, patterns: readonly string[]): boolean {
  return patterns.some(
    pattern => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1).toLowerCase()) : host === hostOf(pattern)),
  )
}

/**
 * Whether an address in its usual spelling is global unicast: a host of the internet and nothing else. Everything of
 * IANA's special-purpose registries is refused, whatever it is good for, and so are addresses that carry an IPv4 address
 * to some gateway (NAT64, 6to4, Teredo, IPv4-compatible).
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
    '168.63.129.16/32', // the host agent of Azure's virtual machines, in no range of its own
    '2001::/23',
    '2001:db8::/32',
    '2002::/16',
    '2620:4f:8000::/48',
    '3fff::/20',
  ]
) {
  const [network, bits] = range.split('/') as [string, string]
  notPublic.addSubnet(network, Number(bits), isIPv6(network) ? 'ipv6' : 'ipv4')
}
