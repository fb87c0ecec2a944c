/** Pictures from URLs, and everything that must not be reached by them. */
import { createServer, type RequestListener, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { isPublic } from '../../lib/remote/addresses'
import { remoteImages, type RemoteNetwork } from '../../lib/remote/remote-image'
import { failure, library, post, sample, start, vectorsOf } from './support'

const pizza = sample('pizza.webp')
const options = { hosts: [], privateAddresses: false, timeoutMs: 1000, maxRedirects: 3 }
const never = new AbortController().signal

const servers: HttpServer[] = []
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
afterAll(() =>
  servers.forEach(server => {
    server.closeAllConnections()
    server.close()
  })
)

describe('addresses', () => {
  test('an IPv4 address is public in IPv6 dress exactly when it is in plain', () => {
    let state = 7
    const byte = (): number => (state = (state * 1103515245 + 12345) % 2 ** 31) >> 16 & 255
    for (let i = 0; i < 2000; i++) {
      const parts = [byte(), byte(), byte(), byte()]
      const hex = ((parts[0]! << 8 | parts[1]!) >>> 0).toString(16) + ':' +
        ((parts[2]! << 8 | parts[3]!) >>> 0).toString(16)
      const plain = isPublic(parts.join('.'))
      expect([isPublic(`::ffff:${parts.join('.')}`), isPublic(`::ffff:${hex}`)]).toEqual([plain, plain])
      // to a gateway of somebody's: never
      for (const prefix of ['::', '64:ff9b::', '::ffff:0:']) expect(isPublic(`${prefix}${hex}`)).toBe(false)
      expect(isPublic(`2002:${hex}::1`)).toBe(false)
    }
  })
  test.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8', '172.32.0.1', '192.167.0.1',
    '168.63.129.15', '2a00:1450::1', '2620:fe::fe'])('%s is public', address => {
      expect(isPublic(address)).toBe(true)
    })
  test.each([
    '127.0.0.1',
    '127.1.2.3',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001:db8::1',
    'fec0::1',
    '',
    'no address',
    // hosts of clouds, which stand in public ranges; addresses that carry another one; ranges for other purposes
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '::7f00:1',
    '::a00:1',
    '::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2001:0:7f00:1::',
    '2001:20::1',
    '2001:2::1',
    '3fff::1',
    '4000::1',
    '5f00::1',
    '100::1',
    '192.0.0.192',
    '192.88.99.1',
    '0.1.2.3',
    '::ffff:0:127.0.0.1',
    '::ffff:0.0.0.0',
    'fe80::1%eth0',
    '2a00:1450::1%1',
    // no usual spellings: readers differ in what they take them for
    '010.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '127.1',
    '127.0.0.1.',
    ' 8.8.8.8',
    '8.8.8.8:80',
    '[2a00:1450::1]',
  ])('%s is not', address => {
    expect(isPublic(address)).toBe(false)
  })
})

describe('refused', () => {
  const fetch = remoteImages(options, 1e6)
  test.each([
    'http://127.0.0.1/',
    'http://localhost/',
    'http://[::1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://0/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://10.0.0.1/',
    'http://user:pass@8.8.8.8/',
    'http://ⓛocalhost/',
    'http://127。0。0。1/',
    'http://127.0.0.1./',
    'http://[::7f00:1]/',
    'http://168.63.129.16/machine',
    'http://[64:ff9b::169.254.169.254]/',
    'http://0x7f000001/',
    'http://0300.0250.1.1/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://100.100.100.200/',
  ])('%s', async url => {
    await expect(fetch(url, never)).rejects.toMatchObject({ name: 'ClipError', code: 'ERR_CLIP_URL_REFUSED' })
  })

  test('a name that stands for a private address, also among public ones', async () => {
    const network: RemoteNetwork = {
      lookup: (_, __, done) => done(null, [{ address: '8.8.8.8', family: 4 }, { address: '10.1.2.3', family: 4 }]),
      admits: isPublic,
    }
    await expect(remoteImages(options, 1e6, network)('http://inside.example/', never)).rejects.toMatchObject({
      code: 'ERR_CLIP_URL_REFUSED',
    })
  })

  test('a name that changes between two look-ups: what is checked is what is connected to', async () => {
    let reached = false
    const url = await serve((_, response) => {
      reached = true
      response.end(pizza)
    })
    const port = new URL(url).port
    let looked = 0
    const network: RemoteNetwork = {
      lookup: (_, __, done) =>
        void setImmediate(done, null, [{ address: looked++ === 0 ? '192.0.2.255' : '127.0.0.1', family: 4 }]),
      admits: address => address !== '127.0.0.1',
    }
    await expect(remoteImages({ ...options, timeoutMs: 200 }, 1e6, network)(`http://rebind.example:${port}/`, never))
      .rejects.toMatchObject({ name: 'ClipError' })
    expect([reached, looked]).toEqual([false, 1])
  })

  test.each(['file:///etc/passwd', 'ftp://8.8.8.8/', 'data:image/png;base64,', 'gopher://8.8.8.8/'])(
    'redirect to %s',
    async location => {
      const url = await serve((_, response) => void response.writeHead(302, { location }).end())
      const inside = remoteImages({ ...options, privateAddresses: true }, 1e6)
      await expect(inside(url, never)).rejects.toMatchObject({ code: 'ERR_CLIP_URL_REFUSED' })
    },
  )

  test('a redirect to a private address', async () => {
    let reached = false
    const secret = await serve((_, response) => {
      reached = true
      response.end(pizza)
    })
    const url = await serve((_, response) =>
      void response.writeHead(302, { location: secret.replace('127.0.0.1', '127.0.0.2') }).end()
    )
    const network: RemoteNetwork = { lookup: () => undefined, admits: address => address === '127.0.0.1' }
    await expect(remoteImages(options, 1e6, network)(url, never)).rejects.toMatchObject({
      code: 'ERR_CLIP_URL_REFUSED',
    })
    expect(reached).toBe(false)
  })

  test('hosts that are not on the list; subdomains where it says so', async () => {
    const network: RemoteNetwork = { lookup: (_, __, done) => done(new Error('looked up'), []), admits: () => true }
    const some = remoteImages({ ...options, hosts: ['cdn.example', '*.img.example'] }, 1e6, network)
    for (
      const url of ['http://other.example/', 'http://img.example/', 'http://evilimg.example/',
        'http://cdn.example.evil/']
    ) {
      await expect(some(url, never)).rejects.toMatchObject({ code: 'ERR_CLIP_URL_REFUSED' })
    }
    for (const url of ['http://cdn.example/', 'http://CDN.example/', 'http://a.b.img.example/']) {
      await expect(some(url, never)).rejects.toMatchObject({
        code: 'ERR_CLIP_URL_FAILED',
        message: expect.stringContaining('looked up') as string,
      })
    }
  })
})

describe('fetched', () => {
  const fetch = remoteImages({ ...options, privateAddresses: true }, 20_000)

  test('a picture, also after redirects', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/a') return response.writeHead(301, { location: '/b' }).end()
      if (request.url === '/b') return response.writeHead(307, { location: 'c' }).end()
      return response.end(pizza)
    })
    expect(await fetch(`${url}/a`, never)).toEqual(pizza)
  })

  test('too many redirects', async () => {
    const url = await serve((_, response) => void response.writeHead(302, { location: '/again' }).end())
    await expect(fetch(url, never)).rejects.toMatchObject({
      code: 'ERR_CLIP_URL_REFUSED',
      message: expect.stringContaining('3 times') as string,
    })
  })

  test.each(['with', 'without'])('too large, %s a length', async length => {
    let sent = 0
    const url = await serve((_, response) => {
      if (length === 'with') response.setHeader('content-length', 10_000_000)
      const more = (): void => {
        while (sent < 10_000_000 && !response.destroyed) {
          sent += 10_000
          if (!response.write(Buffer.alloc(10_000))) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    await expect(fetch(url, never)).rejects.toMatchObject({ code: 'ERR_CLIP_IMAGE_TOO_LARGE' })
    expect(sent).toBeLessThan(10_000_000)
  })

  test('too slow: to answer, and to send', async () => {
    const quick = remoteImages({ ...options, privateAddresses: true, timeoutMs: 60 }, 20_000)
    const silent = await serve(() => undefined)
    const dripping = await serve((_, response) => {
      const timer = setInterval(() => response.write('a'), 10)
      response.on('close', () => clearInterval(timer))
    })
    for (const url of [silent, dripping]) {
      await expect(quick(url, never)).rejects.toMatchObject({
        code: 'ERR_CLIP_URL_FAILED',
        message: expect.stringContaining('60 ms') as string,
      })
    }
  })

  test('other statuses, nobody there, cancelled', async () => {
    const url = await serve((_, response) => void response.writeHead(404).end())
    await expect(fetch(url, never)).rejects.toMatchObject({
      code: 'ERR_CLIP_URL_FAILED',
      message: expect.stringContaining('404') as string,
    })
    await expect(fetch('http://127.0.0.1:1/', never)).rejects.toMatchObject({ code: 'ERR_CLIP_URL_FAILED' })
    const controller = new AbortController()
    const call = fetch(await serve(() => undefined), controller.signal)
    controller.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
  })
})

describe('in the server', () => {
  test('off by default; on request; guarded by default', async () => {
    const url = await serve((_, response) => response.end(pizza))
    const body = { input: [url], modality: 'image' }
    expect(await post(await start(), '/v1/embeddings', body)).toMatchObject(
      failure(422, 'ERR_CLIP_URL_REFUSED', 'input[0]'),
    )
    expect(await post(await start({ remoteImages: true }), '/v1/embeddings', body)).toMatchObject(
      failure(422, 'ERR_CLIP_URL_REFUSED', 'not a public address'),
    )
    const open = await start({ remoteImages: { privateAddresses: true } })
    const answer = await post(open, '/v1/embeddings', body)
    expect(vectorsOf(answer)).toEqual([Array.from(await (await library()).encodeImage(pizza))])
    expect((await post(open, '/v1/embeddings', { input: [{ type: 'image_url', image_url: { url } }] })).status).toBe(
      200,
    )
    // without modality a URL is a text, as with other servers
    expect((await post(open, '/v1/embeddings', { input: url })).body.usage.prompt_tokens_details.image_tokens).toBe(0)
  })
})
