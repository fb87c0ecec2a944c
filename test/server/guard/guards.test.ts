/** Guards that look at spellings: client addresses, origins, Host headers. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { Server } from '../../../lib/server/index.js'
import { addressOf, clientOf, hostOf, isLoopback, plainAddress } from '../../../lib/remote/addresses'
import { checkOrigin } from '../../../lib/server/guard/hosts'
import { get, post, root, sampleFile, start, until } from '../support'

describe('who a client is', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:40001', '203.0.113.9'],
    ['[2001:db8::9]:40001', '2001:db8::9'],
    ['[2001:DB8:0::9]', '2001:db8::9'],
    ['2001:db8::9', '2001:db8::9'],
    ['"[2001:db8::9]:1"', '2001:db8::9'],
    [' 203.0.113.9 ', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['[::ffff:203.0.113.9]:80', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['', undefined],
    ['203.0.113.9:99:1', undefined],
    ['999.1.1.1', undefined],
  ])('%p is %p', (text, plain) => expect(plainAddress(text)).toBe(plain))

  test('IPv4 by address, IPv6 by the network that a host chooses from', () => {
    expect(clientOf('203.0.113.9')).toBe('203.0.113.9')
    expect([clientOf('2001:db8::9'), clientOf('2001:db8:0:0:ffff::1')]).toEqual(['2001:db8::/64', '2001:db8::/64'])
    expect(clientOf('2001:db8:0:1::9')).toBe('2001:db8:0:1::/64')
  })

  test.each<[number, Record<string, string>, string]>([
    [0, { 'x-forwarded-for': '1.1.1.1' }, '9.9.9.9'],
    [1, {}, '9.9.9.9'],
    [1, { 'x-forwarded-for': '1.1.1.1' }, '1.1.1.1'],
    [1, { 'x-forwarded-for': '2.2.2.2, 1.1.1.1:443' }, '1.1.1.1'],
    [2, { 'x-forwarded-for': '3.3.3.3,2.2.2.2, 1.1.1.1' }, '2.2.2.2'],
    [5, { 'x-forwarded-for': '2.2.2.2, 1.1.1.1' }, '2.2.2.2'],
    [1, { 'x-forwarded-for': 'unknown' }, '9.9.9.9'],
    [2, { 'x-forwarded-for': 'unknown, 1.1.1.1' }, '1.1.1.1'],
    [1, { forwarded: 'for=1.1.1.1;proto=https' }, '1.1.1.1'],
    [1, { forwarded: 'by=8.8.8.8; For="[2001:db8::1]:4711", for=1.1.1.2:80' }, '1.1.1.2'],
    [2, { forwarded: 'for="[2001:db8::1]:4711", for=1.1.1.2' }, '2001:db8::1'],
    [1, { forwarded: 'proto=https' }, '9.9.9.9'],
    [1, { forwarded: 'for=4.4.4.4', 'x-forwarded-for': '1.1.1.1' }, '1.1.1.1'],
  ])(
    'behind %d proxies, %p: %s',
    (proxies, headers, expected) => expect(addressOf('::ffff:9.9.9.9', headers, proxies)).toBe(expected),
  )

  test('whatever port or interface identifier stands there, the limit holds', async () => {
    const server = await start({ requestsPerMinute: 2, trustProxy: 1 })
    const statuses = async (headers: (i: number) => Record<string, string>) => {
      const found = []
      for (let i = 0; i < 4; i++)
        found.push((await post(server, '/v1/embeddings', { input: 'a' }, { headers: headers(i) })).status)
      return found
    }
    const limited = [200, 200, 429, 429]
    expect(await statuses(i => ({ 'x-forwarded-for': `203.0.113.9:${40000 + i}` }))).toEqual(limited)
    expect(await statuses(i => ({ 'x-forwarded-for': `[2001:db8::9]:${40000 + i}` }))).toEqual(limited)
    expect(await statuses(i => ({ 'x-forwarded-for': `2001:db8:0:2::${i}` }))).toEqual(limited)
    expect(await statuses(i => ({ 'x-forwarded-for': i % 2 ? '::ffff:198.51.100.7' : '198.51.100.7' }))).toEqual(
      limited,
    )
    expect(await statuses(i => ({ forwarded: `for="[2001:db8:0:3::1]:${i}"` }))).toEqual(limited)
  })
})

describe('origins', () => {
  test.each([
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://localhost:3000/', 'http://localhost:3000'],
    ['HTTP://LocalHost:3000', 'http://localhost:3000'],
    ['https://shop.example:443', 'https://shop.example'],
    ['http://shop.example:80/', 'http://shop.example'],
    ['https://shop.example:8443', 'https://shop.example:8443'],
    ['https://b\u00fccher.example', 'https://xn--bcher-kva.example'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['http://[0:0::1]', 'http://[::1]'],
    ['chrome-extension://abcdefgh', 'chrome-extension://abcdefgh'],
    ['capacitor://LocalHost', 'capacitor://localhost'],
    ['null', 'null'],
    ['*', '*'],
  ])('%s', (text, origin) => expect(checkOrigin('origin', text)).toBe(origin))

  test.each([
    'localhost:3000',
    'localhost',
    'shop.example',
    '//shop.example',
    'http://localhost:3000/app',
    'http://localhost:3000/?a',
    'http://localhost:3000#a',
    'http://localhost:3000//',
    'http://',
    'https://*.shop.example',
    'http://*',
    'http://a.example,http://b.example',
    'http://a.example http://b.example',
    'http://a b.example',
    'http://user@shop.example',
    'http://@shop.example',
    'http://shop.example:99999',
    'http:\\\\shop.example',
    ' http://shop.example',
    '',
    '**',
    'file:///a',
  ])('%p is refused: it would allow nobody', text => {
    expect(() => checkOrigin('origin', text)).toThrow(expect.objectContaining({ code: 'ERR_CLIP_OUT_OF_RANGE' }))
  })

  test('a browser at that origin may use the server', async () => {
    const server = await start({ corsOrigins: ['HTTPS://Shop.Example:443/', 'null'] })
    for (const origin of ['https://shop.example', 'null']) {
      expect((await get(server, '/healthz', { headers: { origin } })).headers.get('access-control-allow-origin')).toBe(
        origin,
      )
    }
    expect(
      (await get(server, '/healthz', { headers: { origin: 'http://shop.example' } })).headers.get(
        'access-control-allow-origin',
      ),
    ).toBeNull()
  })

  const main = path.join(root, 'dist', 'cli', 'main.js')
  test('the command line says it at the start', () => {
    const { status, stderr } = spawnSync(process.execPath, [main, 'serve', '--cors-origin', 'localhost:3000'], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    expect([status, stderr]).toEqual([2, expect.stringMatching(/'localhost:3000'.*\(ERR_CLIP_OUT_OF_RANGE\)/)])
  })
})

/** As a browser sends it whose page is of `host`. */
function ask(
  server: Server,
  route: string,
  host: string | undefined,
  method = 'GET',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      port: server.port,
      host: '127.0.0.1',
      path: route,
      method,
      headers: host === undefined ? {} : { host },
    }, response => {
      let body = ''
      response.on('data', chunk => {
        body += chunk
      }).on('end', () => resolve({ status: response.statusCode!, body }))
    })
    request.on('error', reject)
    request.end(method === 'POST' ? '{}' : undefined)
  })
}

describe('the Host header', () => {
  test.each([['127.0.0.1:80', '127.0.0.1'], ['[::1]:80', '::1'], ['[::1]', '::1'], ['::1', '::1'], ['LocalHost.',
    'localhost'], ['a.example:', 'a.example']])('%s', (header, host) => {
      expect(hostOf(header)).toBe(host)
    })
  test.each(['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'])(
    '%s is this machine',
    host => expect(isLoopback(host)).toBe(true),
  )
  test.each(['localhost.example', 'notlocalhost', '127.0.0.1.example', '::7f00:1', '10.0.0.1', ''])(
    '%s is not',
    host => expect(isLoopback(host)).toBe(false),
  )

  describe('of a server of this machine with pictures', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ggclip-host-'))
    let server: Server
    let thumbnail: string
    beforeAll(async () => {
      copyFileSync(sampleFile('rocket.png'), path.join(folder, 'private.png'))
      server = await start({ folder })
      await until(async () => {
        const { body } = await ask(server, '/gallery/pictures', 'localhost')
        thumbnail = `/${(JSON.parse(body) as { results?: { thumbnail: string }[] }).results?.[0]?.thumbnail}`
        return !thumbnail.endsWith('undefined')
      })
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test.each(['attacker.example', 'attacker.example:8080', '127.0.0.1.attacker.example', 'localhost.attacker.example',
      '127.0.0.1.nip.io:80', 'localhost:80@attacker.example'])('%p: nothing', async host => {
        for (
          const route of ['/gallery/pictures', thumbnail, '/gallery', '/', '/v1/models', '/metrics', '/openapi.json',
            '/nothing']
        ) {
          expect([route, (await ask(server, route, host)).status]).toEqual([route, 403])
        }
        const { status, body } = await ask(server, '/v1/embeddings', host, 'POST')
        expect([status, body]).toEqual([403, expect.stringContaining('ERR_CLIP_HOST_REFUSED')])
      })

    test.each(['localhost', 'LOCALHOST:1', 'localhost.', 'gallery.localhost', '127.0.0.1', '127.0.0.1:9', '[::1]:8080',
      '[::1]', '192.168.1.7:8080'])('%s: answered', async host => {
        for (const route of ['/gallery/pictures', thumbnail, '/'])
          expect((await ask(server, route, host)).status).toBe(200)
      })

    test('an address in the request line changes nothing; a client without the header is no browser', async () => {
      const raw = (text: string): Promise<string> =>
        new Promise(resolve => {
          let answer = ''
          net.connect(server.port, '127.0.0.1', function(this: net.Socket) {
            this.write(text)
          }).on('data', chunk => {
            answer += chunk.toString()
          }).on('close', () => resolve(answer))
        })
      expect(
        await raw('GET http://localhost/v1/models HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n'),
      ).toMatch(/^HTTP\/1.1 403/)
      expect(await raw('GET /v1/models HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
      expect(await raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.\d 200/)
    })
  })

  test('names that the operator gives; any name behind a proxy or on other addresses', async () => {
    const named = await start({ allowedHosts: ['Gallery.example', '*.inside.example'] })
    for (const host of ['gallery.example:80', 'GALLERY.EXAMPLE', 'a.inside.example', 'localhost', '10.1.2.3'])
      expect([host, (await ask(named, '/v1/models', host)).status]).toEqual([host, 200])
    for (const host of ['inside.example', 'xinside.example', 'other.example'])
      expect([host, (await ask(named, '/v1/models', host)).status]).toEqual([host, 403])
    for (const options of [{ trustProxy: 1 }, { host: '0.0.0.0' }, { allowedHosts: ['*'] }])
      expect((await ask(await start(options), '/v1/models', 'any.example')).status).toBe(200)
    const strict = await start({ host: '0.0.0.0', allowedHosts: ['a.example'] })
    expect((await ask(strict, '/v1/models', 'any.example')).status).toBe(403)
    for (const host of ['http://a.example', 'a.example/b', 'a.example:80', '*.*', '']) {
      await expect(start({ allowedHosts: [host] })).rejects.toMatchObject({
        code: expect.stringMatching(/OUT_OF_RANGE|INVALID/) as string,
      })
    }
  })
})
