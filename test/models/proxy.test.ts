/** Which proxy the environment names for an address, and what goes over it. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import path from 'node:path'

import { type Proxy, proxyChoice } from '../../lib/models/proxy'
import { Bench, checkpoint, failure } from './support'

const choose = (env: Record<string, string>, url: string): Proxy | undefined => proxyChoice(env)(new URL(url))
const proxy = 'http://proxy.test:3128'

describe('which proxy', () => {
  test.each<[Record<string, string>, string, string | undefined]>([
    [{}, 'https://hub.test', undefined],
    [{ HTTPS_PROXY: proxy }, 'https://hub.test', 'proxy.test:3128 (HTTPS_PROXY)'],
    [{ HTTPS_PROXY: proxy }, 'http://hub.test', undefined],
    [{ HTTP_PROXY: proxy }, 'http://hub.test', 'proxy.test:3128 (HTTP_PROXY)'],
    [{ HTTP_PROXY: proxy }, 'https://hub.test', undefined],
    [{ http_proxy: proxy, HTTP_PROXY: 'http://other.test:1' }, 'http://hub.test', 'proxy.test:3128 (http_proxy)'],
    [{ https_proxy: '', HTTPS_PROXY: ` ${proxy} ` }, 'https://hub.test', 'proxy.test:3128 (HTTPS_PROXY)'],
    [{ all_proxy: proxy }, 'https://hub.test', 'proxy.test:3128 (all_proxy)'],
    [{ ALL_PROXY: 'http://other.test:1', HTTPS_PROXY: proxy }, 'https://hub.test', 'proxy.test:3128 (HTTPS_PROXY)'],
    [{ HTTPS_PROXY: 'proxy.test:3128' }, 'https://hub.test', 'proxy.test:3128 (HTTPS_PROXY)'],
    [{ HTTP_PROXY: proxy, REQUEST_METHOD: 'GET' }, 'http://hub.test', undefined],
    [{ http_proxy: proxy, REQUEST_METHOD: 'GET' }, 'http://hub.test', 'proxy.test:3128 (http_proxy)'],
  ])('%j for %s', (env, url, name) => expect(choose(env, url)?.name).toBe(name))

  test('its port, TLS and login', () => {
    expect(choose({ HTTPS_PROXY: 'http://proxy.test' }, 'https://hub.test')).toMatchObject({
      host: 'proxy.test',
      port: 80,
      secure: false,
      authorization: undefined,
    })
    expect(choose({ HTTPS_PROXY: 'https://[::1]' }, 'https://hub.test')).toMatchObject({
      host: '::1',
      port: 443,
      secure: true,
    })
    const login = (text: string): string =>
      Buffer.from(
        choose({ HTTPS_PROXY: `http://${text}@proxy.test` }, 'https://hub.test')!.authorization!.slice(6),
        'base64',
      ).toString()
    expect(login('me:secret')).toBe('me:secret')
    expect(login('dom%5Cme:p%40ss%3A%C3%BC')).toBe('dom\\me:p@ss:ü')
    expect(login('me:50%')).toBe('me:50%')
    expect(login('me')).toBe('me:')
  })

  test.each(['socks5://me:secret@proxy.test', 'ftp://me:secret@proxy.test', 'http://me:secret@',
    'http://me:sec/secret@proxy.test:x'])('%s is refused, without its password', value => {
      const refused = (): unknown => choose({ ALL_PROXY: value }, 'https://hub.test')
      expect(refused).toThrow(
        expect.objectContaining({ code: 'ERR_CLIP_OUT_OF_RANGE', message: expect.stringContaining('ALL_PROXY') }),
      )
      expect(refused).not.toThrow('secret')
      // who does not need it is not disturbed
      expect(choose({ ALL_PROXY: value, NO_PROXY: 'hub.test' }, 'https://hub.test')).toBeUndefined()
    })
})

describe('NO_PROXY', () => {
  test.each<[string, string[], string[]]>([
    ['*', ['hub.test', '10.0.0.1', '[::1]:80'], []],
    ['hub.test', ['hub.test', 'HUB.test.', 'a.hub.test', 'hub.test:8080'], ['other.test', 'myhub.test',
      'hub.test.evil']],
    ['.hub.test', ['hub.test', 'a.b.hub.test'], ['myhub.test']],
    ['*.hub.test', ['a.hub.test'], ['myhub.test']],
    ['HUB.test:8080', ['hub.test:8080', 'a.hub.test:8080'], ['hub.test', 'hub.test:80']],
    ['hub.test:443', ['hub.test'], ['hub.test:8443']],
    [' a.test ,, b.test\tc.test', ['a.test', 'b.test', 'c.test'], ['d.test']],
    ['10.0.0.0/8', ['10.1.2.3', '10.255.255.255:99'], ['11.0.0.1', 'hub.test', '[::1]']],
    ['192.168.1.7', ['192.168.1.7'], ['192.168.1.70', '1.192.168.1.7.test']],
    ['192.168.1.7:81', ['192.168.1.7:81'], ['192.168.1.7']],
    ['192.168.*', ['192.168.3.4'], ['192.169.3.4', '192x168.test']],
    ['fd00::/8', ['[fd12::1]'], ['[fe80::1]', '10.0.0.1']],
    ['::1', ['[::1]', '[0:0::1]:99'], ['[::2]', '127.0.0.1']],
    ['[::1]:81', ['[::1]:81'], ['[::1]', '[::1]:82']],
    ['10.0.0.0/99,10.0.0.0/x,1.2.3.4/', [], ['10.0.0.1', '1.2.3.4.5.test']],
  ])('%s', (list, direct, proxied) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const choice = (host: string): boolean =>
        choose({ ALL_PROXY: proxy, [name]: list }, `https://${host}`) === undefined
      expect(direct.filter(host => !choice(host))).toEqual([])
      expect(proxied.filter(choice)).toEqual([])
    }
  })

  test('the small spelling goes before', () => {
    expect(choose({ ALL_PROXY: proxy, no_proxy: 'other.test', NO_PROXY: 'hub.test' }, 'https://hub.test')).toBeDefined()
  })
})

describe('over a proxy', () => {
  const bench = new Bench()
  const seen: string[] = []
  const logins: (string | undefined)[] = []
  let status: number | undefined
  let proxyServer: Server
  const port = (server: Server): number => (server.address() as AddressInfo).port
  const proxyAddress = (login = ''): string => `http://${login}127.0.0.1:${port(proxyServer)}`
  // self-signed, made for this test: openssl req -x509 -newkey ec -nodes -days 36500 -addext subjectAltName=DNS:hub.test
  const certificate = path.join(__dirname, '..', 'fixtures', 'tls', 'hub-test')

  beforeAll(() => {
    // every host is the fake hub, as far as this proxy knows; a tunnel leads to the TLS server
    proxyServer = createServer((asked, response) => {
      seen.push(`${asked.method} ${new URL(asked.url!).host}`)
      logins.push(asked.headers['proxy-authorization'])
      if (status !== undefined) return void response.writeHead(status).end()
      const { pathname, search, host } = new URL(asked.url!)
      const to = new URL(host === 'hub.test' ? bench.hub.endpoint : `http://${host}`)
      request({
        host: to.hostname,
        port: to.port,
        method: asked.method,
        path: pathname + search,
        headers: asked.headers,
      }, answer => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      }).end()
    })
    proxyServer.on('connect', (asked, socket) => {
      seen.push(`CONNECT ${asked.url}`)
      logins.push(asked.headers['proxy-authorization'])
      socket.on('error', () => undefined)
      if (status !== undefined) return void socket.end(`HTTP/1.1 ${status} Refused\r\ncontent-length: 0\r\n\r\n`)
      const inner = connect(port(tlsServer), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        inner.pipe(socket).pipe(inner)
      })
      inner.on('error', () => socket.destroy())
    })
    return new Promise<void>(resolve => proxyServer.listen(0, '127.0.0.1', resolve))
  })
  let tlsServer: Server
  beforeAll(async () => {
    tlsServer = createTlsServer(
      { key: readFileSync(`${certificate}.key`), cert: readFileSync(`${certificate}.crt`) },
      (asked, response) => {
        request(bench.hub.endpoint + asked.url!, { method: asked.method, headers: asked.headers }, answer => {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        }).end()
      },
    )
    await new Promise<void>(resolve => tlsServer.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => {
    for (const server of [proxyServer, tlsServer]) {
      server.close()
      server.closeAllConnections()
    }
  })
  beforeEach(() => {
    seen.length = logins.length = 0
    status = undefined
    bench.hub.add('owner/model', checkpoint)
  })

  test('http: whole addresses, with the login', async () => {
    const result = await bench.fetch('owner/model', {}, {
      endpoint: 'http://hub.test',
      proxyOf: proxyChoice({ HTTP_PROXY: proxyAddress('me:secret@') }),
    })
    expect(result.downloadedBytes).toBe(result.bytes)
    expect(seen[0]).toBe('GET hub.test')
    expect(seen.at(-1)).toBe(`GET ${new URL(bench.hub.cdn).host}`)
    expect(new Set(logins)).toEqual(new Set([`Basic ${Buffer.from('me:secret').toString('base64')}`]))
    // the proxy's login is the proxy's
    expect(bench.hub.requests.map(({ headers }) => headers.authorization)).toEqual(
      bench.hub.requests.map(() => undefined),
    )
  })

  test('NO_PROXY: directly', async () => {
    const env = { HTTP_PROXY: proxyAddress(), NO_PROXY: '127.0.0.0/8' }
    expect((await bench.fetch('owner/model', {}, { proxyOf: proxyChoice(env) })).downloadedBytes).toBeGreaterThan(0)
    expect(seen).toEqual([])
  })

  test('https: a tunnel, in which the certificate is checked', async () => {
    const settings = { endpoint: 'https://hub.test', proxyOf: proxyChoice({ HTTPS_PROXY: proxyAddress('me:secret@') }) }
    const error = await failure(bench.fetch('owner/model', {}, settings))
    expect(error.code).toBe('ERR_CLIP_HUB_UNREACHABLE')
    expect(error.message).toMatch(
      /^cannot reach hub\.test through the proxy 127\.0\.0\.1:\d+ \(HTTPS_PROXY\): its certificate is not trusted \(self.signed certificate\): .*NODE_EXTRA_CA_CERTS/,
    )
    expect(seen).toEqual(['CONNECT hub.test:443'])
    expect(logins[0]).toBe(`Basic ${Buffer.from('me:secret').toString('base64')}`)
  })

  test('https: all requests go through tunnels', async () => {
    // Node reads the certificates that it shall trust when it starts
    const script = `require(${
      JSON.stringify(path.join(__dirname, '..', '..', 'dist', 'index.js'))
    }).pull('owner/model').catch(({ message }) => console.log(message))`
    const env = {
      PATH: process.env.PATH,
      HF_ENDPOINT: 'https://hub.test',
      https_proxy: proxyAddress(),
      http_proxy: proxyAddress(),
      no_proxy: 'elsewhere.test',
      HF_HUB_CACHE: bench.cacheDir,
      HF_TOKEN: 'hf_x',
      NODE_EXTRA_CA_CERTS: `${certificate}.crt`,
    }
    const said = await new Promise(resolve =>
      execFile(process.execPath, ['-e', script], { env }, (_, stdout) => resolve(stdout))
    )
    // the large file lies at an http address, to which https does not lead
    expect(said).toContain('which is not followed')
    expect(bench.hub.requests.map(({ url }) => url.replace(/^.*\//, ''))).toEqual(
      expect.arrayContaining(['config.json', 'tokenizer.json', 'model.safetensors']),
    )
    expect(new Set(seen)).toEqual(new Set(['CONNECT hub.test:443']))
  })

  test.each([[407, 'http://hub.test', /: it answered 407 and requires a name and a password/], [407, 'https://hub.test',
    /: it answered 407 and requires/], [403, 'https://hub.test', /: it answered 403$/]])(
      'a proxy that answers %d for %s',
      async (code, endpoint, message) => {
        status = code
        const error = await failure(
          bench.fetch('owner/model', {}, { endpoint, proxyOf: proxyChoice({ ALL_PROXY: proxyAddress('me:secret@') }) }),
        )
        expect(error.code).toBe('ERR_CLIP_HUB_UNREACHABLE')
        expect(error.message).toMatch(message)
        expect(error.message).not.toContain('secret')
        expect(seen).toHaveLength(1)
      },
    )

  test('a proxy in trouble, or not there, is tried again', async () => {
    status = 503
    const settings = { endpoint: 'https://hub.test', proxyOf: proxyChoice({ ALL_PROXY: proxyAddress() }) }
    expect(await failure(bench.fetch('owner/model', {}, settings))).toMatchObject({
      code: 'ERR_CLIP_HUB_UNREACHABLE',
      message: expect.stringContaining('it answered 503'),
    })
    expect(seen).toHaveLength(3)
    const absent = await failure(
      bench.fetch('owner/model', {}, {
        endpoint: 'https://hub.test',
        proxyOf: proxyChoice({ ALL_PROXY: 'http://127.0.0.1:9' }),
      }),
    )
    expect(absent.message).toMatch(
      /^cannot reach hub\.test through the proxy 127\.0\.0\.1:9 \(ALL_PROXY\): connect ECONNREFUSED/,
    )
  })

  test('a tunnel that never opens ends with silence, or with the caller', async () => {
    const silent = createServer().on(
      'connect',
      (_, socket) => socket.on('error', () => undefined).on('end', () => socket.end()).resume(),
    )
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    const settings = {
      endpoint: 'https://hub.test',
      proxyOf: proxyChoice({ ALL_PROXY: `http://127.0.0.1:${port(silent)}` }),
    }
    expect((await failure(bench.fetch('owner/model', {}, { ...settings, idleMs: 100 }))).message).toContain(
      'no answer came for 0.1 s',
    )
    const reason = new Error('enough')
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), 100)
    expect(await failure(bench.fetch('owner/model', { signal: abort.signal }, settings))).toBe(reason)
    const open = await new Promise<number>(resolve =>
      setTimeout(() => silent.getConnections((_, count) => resolve(count)), 50)
    )
    expect(open).toBe(0)
    silent.close()
  })
})
