/**
 * Connections to the hub and the servers it redirects to: kept alive within one call, through a proxy if one is set.
 */
import http, { type ClientRequest } from 'node:http'
import https from 'node:https'
import { connect, isIP, type Socket } from 'node:net'
import tls from 'node:tls'

import type { Proxy, ProxyChoice } from './proxy.js'

export interface WireRequest {
  method: string
  headers: Record<string, string>
}

/** Milliseconds for one of several addresses of a host before the next is tried; Node's own 250 fail on slow lines. */
const nextAddressMs = 1500

export class HubWire {
  readonly #proxyOf: ProxyChoice
  readonly #agents = new Map<string, http.Agent>()

  constructor(proxyOf: ProxyChoice) {
    this.#proxyOf = proxyOf
  }

  /** The peer's name in errors: the host, and the proxy used. */
  describe(url: URL): string {
    const proxy = this.#proxyOf(url)
    return proxy ? `${url.host} through the proxy ${proxy.name}` : url.host
  }

  /** Starts a request; follows no redirects and decompresses nothing. */
  request(url: URL, { method, headers }: WireRequest): ClientRequest {
    const proxy = this.#proxyOf(url)
    const options: http.RequestOptions = { method, agent: this.#agent(url, proxy), headers }
    if (url.protocol === 'https:') return https.request(url, options)
    if (!proxy) return http.request(url, options)
    // a proxy needs the whole URL
    const authorization = proxy.authorization && { 'proxy-authorization': proxy.authorization }
    return http.request(url, {
      ...options,
      path: `${url.origin}${url.pathname}${url.search}`,
      headers: { ...headers, ...authorization },
    })
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  #agent({ protocol }: URL, proxy: Proxy | undefined): http.Agent {
    const key = `${protocol} ${proxy?.name ?? ''}`
    const agent = this.#agents.get(key) ?? newAgent(protocol === 'https:', proxy)
    this.#agents.set(key, agent)
    return agent
  }
}

function newAgent(secure: boolean, proxy: Proxy | undefined): http.Agent {
  const options = { keepAlive: true, autoSelectFamilyAttemptTimeout: nextAddressMs }
  if (!proxy) return secure ? new https.Agent(options) : new http.Agent(options)
  return secure ? new TunnelAgent(options, proxy) : new ForwardAgent(options, proxy)
}

type Created = NonNullable<Parameters<http.Agent['createConnection']>[1]>

/** http: requests go to the proxy instead of the server. */
class ForwardAgent extends http.Agent {
  readonly #proxy: Proxy

  constructor(options: https.AgentOptions, proxy: Proxy) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(): Socket {
    return connectTo(this.#proxy)
  }
}

/** https: the proxy opens a tunnel to the server. */
class TunnelAgent extends https.Agent {
  readonly #proxy: Proxy
  readonly #toProxy: ForwardAgent

  constructor(options: https.AgentOptions, proxy: Proxy) {
    super(options)
    this.#proxy = proxy
    this.#toProxy = new ForwardAgent({}, proxy)
  }

  override createConnection(options: https.RequestOptions, created?: Created): undefined {
    const { host, port } = options as tls.ConnectionOptions
    const target = `${host!.includes(':') ? `[${host}]` : host}:${port}`
    const { authorization } = this.#proxy
    const request = http.request({
      method: 'CONNECT',
      path: target,
      agent: this.#toProxy,
      headers: { host: target, ...(authorization && { 'proxy-authorization': authorization }) },
    })
    const fail = (error: Error): void => created!(error, undefined as unknown as Socket)
    request.once('error', fail)
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return created!(null, tls.connect({ ...options as tls.ConnectionOptions, socket }))
      socket.destroy()
      fail(new ProxyRefusal(statusCode!))
    })
    request.end()
  }

  override destroy(): void {
    this.#toProxy.destroy()
    super.destroy()
  }
}

/** A proxy's refusal. */
export class ProxyRefusal extends Error {
  readonly lasting: boolean

  constructor(readonly status: number) {
    super(
      status === 407
        ? 'it answered 407 and requires a name and a password, as in http://name:password@host:port'
        : `it answered ${status}`,
    )
    this.lasting = status < 500 && status !== 429 && status !== 408
  }
}

function connectTo({ secure, host, port }: Proxy): Socket {
  const options = { host, port, autoSelectFamilyAttemptTimeout: nextAddressMs }
  return secure ? tls.connect({ ...options, servername: isIP(host) === 0 ? host : undefined }) : connect(options)
}
