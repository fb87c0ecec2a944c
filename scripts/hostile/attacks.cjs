// The attacks of scripts/hostile.cjs.
'use strict'

const net = require('node:net')
const { request, sleep } = require('./observe.cjs')

/** Small files of large pictures, and what is none; last a sound small one, as a data URI. */
async function bombs() {
  const sharp = require('sharp')
  const flat = (width, height, kind) =>
    sharp({ create: { width, height, channels: 3, background: 'red' }, limitInputPixels: false })[kind]().toBuffer()
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="3000"><filter id="f"><feTurbulence baseFrequency=".01" numOctaves="20"/></filter>${
      '<rect width="3000" height="3000" filter="url(#f)"/>'.repeat(4)
    }</svg>`
  const png = await flat(6000, 6000, 'png')
  const huge = Buffer.from(png) // says that it has 40,000 x 40,000 pixels
  huge.writeUInt32BE(40_000, 16)
  huge.writeUInt32BE(40_000, 20)
  return [png, huge, await flat(5000, 5000, 'webp'), png.subarray(0, png.length >> 1), Buffer.from(svg),
    Buffer.from('no picture'), `data:image/png;base64,${(await flat(8, 8, 'png')).toString('base64')}`]
}

/** Each makes one attack and resolves to the status that it got, 0 for a closed connection. */
function attacksOn(port, random, pictures) {
  const json = { 'content-type': 'application/json' }
  const post = (body, headers = json, route = '/v1/embeddings') =>
    request(port, { method: 'POST', route, headers, body }).then(({ status }) => status)
  const head = (length, type = 'application/json') =>
    `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`

  /** Sends the pieces with pauses; the status of the first answer. */
  const raw = (pieces, { pauseMs = 0, half = false, destroy = false, read = true } = {}) =>
    new Promise(resolve => {
      let answer = ''
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: half })
      const done = () => {
        socket.destroy()
        resolve(Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1] ?? 0))
      }
      socket.setTimeout(15_000, done)
      if (read)
        socket.on('data', data => {
          answer += data
        })
      socket.on('error', done).on('close', done).on('end', done)
      socket.once('connect', async () => {
        for (const piece of pieces) {
          if (socket.destroyed) return
          socket.write(piece)
          if (pauseMs > 0) await sleep(pauseMs)
        }
        if (destroy) done()
        else if (half) socket.end()
      })
    })
  const form = (parts, boundary = 'x') =>
    post(`${parts.join('')}--${boundary}--\r\n`, { 'content-type': `multipart/form-data; boundary=${boundary}` })
  const part = (name, value, more = '') =>
    `--x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
  const small = pictures.at(-1)
  const manyInputs = JSON.stringify({ input: Array.from({ length: 2048 }, (_, i) => `${i}`) })
  const headOf = body => head(Buffer.byteLength(body))
  const closing = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

  return {
    sound: () => post(JSON.stringify({ input: ['a', `text ${random(1000)}`] })),
    slowHead: () =>
      raw(['GET /healthz HTTP/1.1\r\nHost: localhost\r\n', ...Array(random(40)).fill('x: y\r\n')], {
        pauseMs: 50,
        destroy: true,
      }),
    slowBody: () => raw([head(100_000), ...Array(random(40)).fill('{"input":"')], { pauseMs: 50, destroy: true }),
    stalledBody: () => raw([head(100_000), '{'], { pauseMs: 2000, destroy: true }),
    pipelined: () =>
      raw([
        `${'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(200)}${
          `${head(13)}{"input":"a"}`.repeat(5)
        }${closing}`,
      ]),
    halfClosed: () => raw([head(13), '{"input":"a"}'], { half: true }),
    halfClosedEarly: () => raw([head(1000), '{"input":"a"'], { half: true }),
    aborted: () => raw([head(2 ** 20), Buffer.alloc(random(2 ** 20), ' ')], { pauseMs: random(20), destroy: true }),
    hugeHead: () => raw([`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(2 ** 18)}\r\n\r\n`]),
    manyHeads: () => raw([`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${'x: y\r\n'.repeat(20_000)}\r\n`]),
    noHttp: () => raw([Buffer.from(Array.from({ length: 2000 }, () => random(256)))], { half: true }),
    badChunks: () =>
      raw([
        `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${
          `1;${'e'.repeat(100)}\r\n \r\n`.repeat(2000)
        }zz\r\n`,
      ]),
    smuggled: () =>
      raw([
        `POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${closing}`,
      ], { half: true }),
    deepJson: () => post('['.repeat(2e6) + ']'.repeat(2e6)),
    deepObjects: () => post('{"input":'.repeat(5e5)),
    manyValues: () => post(`{"input":[${'1,'.repeat(3e6)}1]}`),
    manyKeys: () => post(`{${Array.from({ length: 2e5 }, (_, i) => `"${i}":{}`).join()}}`),
    manyEscapes: () => post(`{"input":"${'\\"'.repeat(3e6)}"}`),
    manySpaces: () => post(`${' '.repeat(7e6)}{"input":"a"}`),
    manyShortTexts: () => post(JSON.stringify({ input: Array.from({ length: 2048 }, () => `text ${random(1e6)}`) })),
    manyLongTexts: () =>
      post(
        JSON.stringify({
          input: Array.from(
            { length: 400 },
            (_, i) => `${'a photo of a cat '.repeat(970)}${random(1e6)} ${i}`.slice(-16_384),
          ),
        }),
      ),
    // equal for long, so that comparing them is costly
    likeTexts: () =>
      post(
        JSON.stringify({
          input: Array.from({ length: 450 }, (_, i) => `${'x'.repeat(16_380)}${String(i).padStart(4, '0')}`),
        }),
      ),
    manyPrompts: () =>
      post(
        JSON.stringify({
          image: small,
          labels: Array.from({ length: 1000 }, (_, i) => `${random(1e6)} ${i} ${'y'.repeat(900)}`),
          templates: ['{}', 'a {}'],
        }),
        json,
        '/v1/classify',
      ),
    manyPairs: () =>
      post(
        JSON.stringify({ images: Array(700).fill(small), texts: Array.from({ length: 700 }, (_, i) => `text ${i}`) }),
        json,
        '/v1/similarity',
      ),
    longDocuments: () =>
      post(
        JSON.stringify({
          query: 'a',
          documents: Array.from({ length: 8 }, (_, i) => `${i} é"${'b'.repeat(5e5)}`),
          return_documents: true,
        }),
        json,
        '/v1/rank',
      ),
    longUser: () => post(JSON.stringify({ input: 'a', user: 'u'.repeat(7e6) })),
    longLabel: () => post(JSON.stringify({ image: small, labels: ['é'.repeat(3e6)] }), json, '/v1/classify'),
    longNames: () => post(`{${Array.from({ length: 400 }, (_, i) => `"${'k'.repeat(16_380)}${i}":1`).join()}}`),
    percentPicture: () => post(JSON.stringify({ input: `data:image/png;base64,${'%2B'.repeat(2.3e6)}` })),
    spacedPicture: () => post(JSON.stringify({ input: [{ image: 'A '.repeat(3.5e6) }] })),
    utf16: () => post(Buffer.from(`\ufeff{"input":"${'é'.repeat(3e6)}"}`, 'utf16le')),
    jsonPart: () =>
      form([
        `--x\r\nContent-Disposition: form-data; name="input"\r\nContent-Type: application/json\r\n\r\n[${
          '1,'.repeat(3e6)
        }1]\r\n`,
      ]),
    longPart: () => form([part('input', 'é'.repeat(3e6))]),
    unread: () => raw([headOf(manyInputs), manyInputs], { read: false, pauseMs: 1500, destroy: true }),
    longText: () => post(`{"input":"${'a b '.repeat(1.5e6)}"}`),
    tooLarge: () => post(Buffer.alloc(12 * 2 ** 20, ' ')),
    manyParts: () => form([part('input', 'a').repeat(10_000)]),
    manyNames: () => form(Array.from({ length: 5000 }, (_, i) => part(`name${i}`, 'a'))),
    longName: () => form([part('n'.repeat(3e6), 'a')]),
    longPartHead: () =>
      form([`--x\r\nContent-Disposition: form-data; name="input"\r\n${'X: y\r\n'.repeat(3e5)}\r\na\r\n`]),
    manyFiles: () => form([part('file', 'a', '; filename="a"').repeat(3000)]),
    openForm: () =>
      raw([head(5e5, 'multipart/form-data; boundary=x'), part('input', 'a').repeat(100)], {
        pauseMs: 300,
        destroy: true,
      }),
    bomb: () => {
      const picture = pictures[random(pictures.length - 1)]
      return post(
        JSON.stringify({ input: Array.from({ length: 1 + random(3) }, () => ({ image: picture.toString('base64') })) }),
      )
    },
    bombLeft: () =>
      raw([head(1e6), `{"input":[{"image":"${pictures[0].toString('base64')}"}]}`.padEnd(1e6)], {
        pauseMs: random(60),
        destroy: true,
      }),
    longAddress: () =>
      request(port, { route: `/${'a/'.repeat(6000)}?${'b=c&'.repeat(100)}` }).then(({ status }) => status),
    flood: async () => {
      const sockets = Array.from({ length: 100 }, () => net.connect(port, '127.0.0.1').on('error', () => undefined))
      await sleep(300)
      for (const socket of sockets) socket.destroy()
      return 0
    },
  }
}

module.exports = { bombs, attacksOn }
