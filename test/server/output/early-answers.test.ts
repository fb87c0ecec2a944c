/** Answers to requests whose body is still coming reach whoever sends it, in whatever way. */
import http from 'node:http'
import net from 'node:net'

import type { Server } from '../../../lib/server/index.js'
import { start } from '../support'

const size = 5_000_000
const body = JSON.stringify({ input: 'a'.repeat(size) })
const key = 'a-secret-of-16-or-more'
let server: Server
let locked: Server
beforeAll(async () => {
  server = await start({ maxBodyBytes: 1_000_000, page: false })
  locked = await start({ apiKeys: [key], page: false })
})

/** Status and code as a client sees them that writes all before it reads; or what went wrong. */
function writeThenRead(port: number, head: string[], chunks: Buffer[]): Promise<string> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('utf8').on('error', error => resolve((error as NodeJS.ErrnoException).code!)).on(
      'close',
      () => resolve(outcome(text)),
    )
    socket.pause()
    socket.write([...head, '', ''].join('\r\n'))
    for (const chunk of chunks) socket.write(chunk)
    socket.write('', () =>
      socket.on('data', (data: string) => {
        text += data
      }).resume())
  })
}

const outcome = (text: string): string =>
  `${/^HTTP\/1.1 (\d+)/m.exec(text.replace('HTTP/1.1 100 Continue\r\n\r\n', ''))?.[1]} ${
    /ERR_CLIP_\w+/.exec(text)?.[0]
  }`

const tooLarge = '413 ERR_CLIP_REQUEST_TOO_LARGE'
const bytes = Buffer.from(body)
const headOf = (
  ...more: string[]
): string[] => ['POST /v1/embeddings HTTP/1.1', 'host: 127.0.0.1', 'content-type: application/json', ...more]
const chunked = [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')]

test.each<[string, string[], Buffer[]]>([
  ['connection: close, as urllib', [`content-length: ${bytes.length}`, 'connection: close'], [bytes]],
  ['a kept connection', [`content-length: ${bytes.length}`], [bytes]],
  ['in chunks', ['transfer-encoding: chunked', 'connection: close'], chunked],
  ['expect: 100-continue', [`content-length: ${bytes.length}`, 'expect: 100-continue', 'connection: close'], [bytes]],
])('too large, %s', async (_, more, chunks) => {
  for (let i = 0; i < 3; i++) expect(await writeThenRead(server.port, headOf(...more), chunks)).toBe(tooLarge)
})

test('who asks with Expect is refused before the body, and told to go on only when nothing stands against it', async () => {
  const ask = (port: number, length: number, more: string[] = []): Promise<string> =>
    new Promise(resolve => {
      const socket = net.connect(port, '127.0.0.1').setEncoding('utf8').on('error', () => undefined)
      let text = ''
      socket.on('data', (data: string) => {
        text += data
        if (text.startsWith('HTTP/1.1 100') && !text.includes('"object"'))
          socket.write(JSON.stringify({ input: 'a' }).padEnd(length))
        else if (text.includes('}'))
          socket.destroy()
      }).on('close', () => resolve(text))
      socket.write([...headOf(`content-length: ${length}`, 'expect: 100-continue', ...more), '', ''].join('\r\n'))
    })
  expect(await ask(server.port, 1_000_001)).toMatch(/^HTTP\/1.1 413 [^]*ERR_CLIP_REQUEST_TOO_LARGE/)
  expect(await ask(locked.port, 100)).toMatch(/^HTTP\/1.1 401 /)
  expect(await ask(locked.port, 100, [`authorization: Bearer ${key}`])).toMatch(
    /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /,
  )
})

test('too large, by fetch', async () => {
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(`${response.status} ${((await response.json()) as { error: { code: string } }).error.code}`).toBe(tooLarge)
  }
})

test('no key, no such type: the same', async () => {
  const close = [`content-length: ${bytes.length}`, 'connection: close']
  expect(await writeThenRead(locked.port, headOf(...close), [bytes])).toBe('401 ERR_CLIP_KEY_INVALID')
  expect(
    await writeThenRead(server.port, headOf(...close, 'content-encoding: gzip').with(2, 'content-type: text/plain'), [
      bytes,
    ]),
  ).toBe('415 ERR_CLIP_REQUEST_UNSUPPORTED')
})

test('a form that is too large', async () => {
  const form = Buffer.concat([Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'),
    Buffer.alloc(size), Buffer.from('\r\n--b--\r\n')])
  const head = headOf(`content-length: ${form.length}`, 'connection: close').with(
    2,
    'content-type: multipart/form-data; boundary=b',
  )
  expect(await writeThenRead(locked.port, [...head, `authorization: Bearer ${key}`], [form])).not.toMatch(/^E/)
  const inChunks = [Buffer.from(`${form.length.toString(16)}\r\n`), form, Buffer.from('\r\n0\r\n\r\n')]
  expect(
    await writeThenRead(
      server.port,
      headOf('transfer-encoding: chunked', 'connection: close').with(
        2,
        'content-type: multipart/form-data; boundary=b',
      ),
      inChunks,
    ),
  ).toBe(tooLarge)
})

test('after a refusal the connection serves on', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const ask = (headers: object): Promise<[number, number | undefined]> =>
    new Promise((resolve, reject) => {
      const request = http.request(`${locked.url}/v1/embeddings`, {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', ...headers },
      }, response => {
        response.resume().on('end', () => resolve([response.statusCode!, request.socket!.localPort]))
      }).on('error', reject)
      request.end('{"input":"a"}')
    })
  const [refused, port] = await ask({})
  expect(refused).toBe(401)
  expect(await ask({ authorization: `Bearer ${key}` })).toEqual([200, port])
  agent.destroy()
})

test('who stops sending keeps nothing open for long', async () => {
  const socket = net.connect(server.port, '127.0.0.1')
  socket.write(`${headOf(`content-length: ${bytes.length}`).join('\r\n')}\r\n\r\n{"input":"`)
  const [text, ms] = await new Promise<[string, number]>(resolve => {
    let read = ''
    const began = performance.now()
    socket.setEncoding('utf8').on('data', (data: string) => {
      read += data
    }).on('error', () => undefined).on('close', () => resolve([read, performance.now() - began]))
  })
  expect(outcome(text)).toBe(tooLarge)
  expect(ms).toBeLessThan(8000)
})

test('one answer, also when the time of the request is over meanwhile', async () => {
  const hurried = await start({ timeoutMs: 300, maxBodyBytes: 1_000_000, page: false, preload: 'none' })
  const socket = net.connect(hurried.port, '127.0.0.1')
  socket.write(`${headOf(`content-length: ${bytes.length}`).join('\r\n')}\r\n\r\n{"input":"`)
  const text = await new Promise<string>(resolve => {
    let read = ''
    socket.setEncoding('utf8').on('data', (data: string) => {
      read += data
    }).on('error', () => undefined).on('close', () => resolve(read))
  })
  expect(outcome(text)).toBe(tooLarge)
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1)
})
