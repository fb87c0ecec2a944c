/** Forms as browsers, curl, Python, axios and .NET write them: every part is taken for what it is, or refused. */
import type { Server } from '../../../lib/server/index.js'
import { dataUri, failure, post, read, sample, start, type Answer, vectorsOf } from '../support'

let server: Server
beforeAll(async () => {
  server = await start()
})

type Part = readonly [head: string, body: string | Buffer]
const field = (
  name: string,
  value: string | Buffer,
  ...more: string[]
): Part => [[`Content-Disposition: form-data; name="${name}"`, ...more].join('\r\n'), value]
const file = (
  name: string,
  fileName: string,
  type: string,
  bytes: string | Buffer,
): Part => [`Content-Disposition: form-data; name="${name}"; filename="${fileName}"\r\nContent-Type: ${type}`, bytes]
const picture = sample('pizza.webp')
const upload = file('file', 'p.webp', 'image/webp', picture)

async function send(route: string, ...parts: Part[]): Promise<Answer> {
  const body = Buffer.concat([
    ...parts.flatMap((
      [head, value],
    ) => [Buffer.from(`--b\r\n${head}\r\n\r\n`), Buffer.from(value as string), Buffer.from('\r\n')]),
    Buffer.from('--b--\r\n'),
  ])
  return read(
    await fetch(`${server.url}${route}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    }),
  )
}

const embed = (...parts: Part[]) => send('/v1/embeddings', ...parts)
const classify = (...parts: Part[]) => send('/v1/classify', upload, ...parts)
const two = [field('labels', 'pizza'), field('labels', 'red apple')]

describe('a list of labels', () => {
  const json = '["pizza", "red apple"]'
  test.each<[string, Part[]]>([
    ['repeated', two],
    ['as PHP, jQuery and axios name it', [field('labels[]', 'pizza'), field('labels[]', 'red apple')]],
    ['with indices', [field('labels[0]', 'pizza'), field('labels[1]', 'red apple')]],
    ['JSON in a field', [field('labels', json)]],
    ['JSON between line breaks', [field('labels', `\n${json}\n`)]],
    ["curl ';type=application/json'", [field('labels', json, 'Content-Type: application/json')]],
    [".NET's JsonContent", [field('labels', json, 'Content-Type: application/json; charset=utf-8')]],
    ["a browser's JSON blob", [file('labels', 'blob', 'application/json', json)]],
    ['UTF-8 with a byte order mark', [field('labels', `\ufeff${json}`, 'Content-Type: text/plain; charset=utf-8')]],
    ['UTF-16 with a byte order mark', [
      field('labels', Buffer.from(`\ufeff${json}`, 'utf16le'), 'Content-Type: text/plain; charset=utf-16'),
    ]],
  ])('%s', async (_, parts) => {
    const { status, body } = await classify(...parts)
    expect(status).toBe(200)
    expect(body.data[0].results.map(({ label }: { label: string }) => label).sort()).toEqual(['pizza', 'red apple'])
  })
})

describe('fields that are no text', () => {
  test.each([['True', true], ['on', true], ['1', true], ['false', false], ['Off', false], ['0', false], ['', false]])(
    'multi_label=%p',
    async (value, expected) => {
      const answer = await classify(...two, field('multi_label', value))
      expect(answer.status).toBe(200)
      const scores = answer.body.data[0].results.map(({ score }: { score: number }) => score)
      expect(Math.abs(scores[0] + scores[1] - 1) > 1e-3).toBe(expected)
    },
  )

  test('left empty: not given', async () => {
    const answer = await classify(...two, field('top_k', ''), field('multi_label', ''), field('model', ''))
    expect(answer.body.data[0].results).toHaveLength(2)
    expect((await embed(upload, field('encoding_format', ''), field('modality', ''), field('dimensions', ' '))).status)
      .toBe(200)
  })

  test.each(['many', '0x1', 'Infinity', '1e1', '1.5', '-1'])('top_k=%s is refused', async value => {
    expect(await classify(...two, field('top_k', value))).toMatchObject({
      status: 422,
      body: { error: { param: 'top_k' } },
    })
  })
})

describe('files', () => {
  let truth: number[][]
  beforeAll(async () => {
    truth = vectorsOf(await embed(upload))
  })

  test.each<[string, Part[]]>([
    ['of an image type without a file name', [field('file', picture, 'Content-Type: image/webp')]],
    ['of bytes without a file name', [field('file', picture, 'Content-Type: application/octet-stream')]],
    ['of a wrong type', [file('image', 'p.txt', 'text/plain', picture)]],
    ['without a type', [['Content-Disposition: form-data; name="input"; filename="p"', picture]]],
    ["with names as Python's requests writes them", [[
      'Content-Disposition: form-data; name="file"; filename*=utf-8\'\'caf%C3%A9.webp',
      picture,
    ]]],
    ['with names without quotes, as .NET writes them', [['Content-Disposition: form-data; name=file; filename=p.webp',
      picture]]],
    ['beside a file input that was left empty', [upload, file('other', '', 'application/octet-stream', '')]],
    ['as a data URI in a field', [field('input', dataUri('pizza.webp'))]],
    ['as JSON in a field', [field('input', JSON.stringify({ image: dataUri('pizza.webp') }))]],
    ['as base64 in a field of images', [field('input', picture.toString('base64')), field('modality', 'image')]],
  ])('%s', async (_, parts) => {
    const answer = await embed(...parts)
    expect(answer.status).toBe(200)
    expect(vectorsOf(answer)).toEqual(truth)
  })

  test('a field may be as large as a body', async () => {
    // blanks in base64 are none of the picture
    const answer = await embed(field('input', `${dataUri('pizza.webp')}${' '.repeat(2 ** 21)}`))
    expect(vectorsOf(answer)).toEqual(truth)
  })
})

test('texts: as JSON gives them', async () => {
  const texts = ['a cat', '[1] a dog', '{curly}', 'Ünï 🍕', '{"a": 1', 'upload:0', '1', 'null', '']
  const truth = vectorsOf(await post(server, '/v1/embeddings', { input: texts }))
  expect(vectorsOf(await embed(...texts.map(text => field('input', text))))).toEqual(truth)
  expect(vectorsOf(await embed(field('input', JSON.stringify(texts), 'Content-Type: application/json')))).toEqual(truth)
  expect(vectorsOf(await embed(field('input', '{"text":"a cat"}')))).toEqual([truth[0]])
  expect(vectorsOf(await embed(field('input', '"a cat"', 'Content-Type: application/json')))).toEqual([truth[0]])
})

describe('refused', () => {
  test.each<[string, Part[], number, string, string]>([
    ['a part without a name', [['Content-Disposition: form-data; filename="p.png"\r\nContent-Type: image/png',
      picture]], 400, 'ERR_CLIP_REQUEST_INVALID', 'no name'],
    ['a picture sent as a text', [field('input', sample('rocket.png'))], 422, 'ERR_CLIP_INVALID_ARGUMENT', 'file name'],
    ['Latin-1 that does not say so', [field('input', Buffer.from('caf\xe9', 'latin1'), 'Content-Type: text/plain')],
      422, 'ERR_CLIP_INVALID_ARGUMENT', 'UTF-8'],
    ['UTF-16 without a mark', [field('input', Buffer.from('a cat', 'utf16le'))], 422, 'ERR_CLIP_INVALID_ARGUMENT',
      'NUL'],
    ['base64 as transfer encoding', [field('input', 'YSBjYXQ=', 'Content-Transfer-Encoding: base64')], 415,
      'ERR_CLIP_REQUEST_UNSUPPORTED', 'transfer encoding'],
    ['quoted-printable', [field('input', 'a=20cat', 'Content-Transfer-Encoding: quoted-printable')], 415,
      'ERR_CLIP_REQUEST_UNSUPPORTED', 'transfer encoding'],
    ['JSON that is none', [field('input', '["a", ', 'Content-Type: application/json')], 400, 'ERR_CLIP_REQUEST_INVALID',
      'input'],
    ['a list that is cut off', [field('input', '["a cat", "a d')], 422, 'ERR_CLIP_INVALID_ARGUMENT', 'JSON'],
    ['a JSON object that is no part', [field('input', '{"texts":["a"]}')], 422, 'ERR_CLIP_UNKNOWN_OPTION', 'texts'],
    ['numbers', [field('input', '[1, 2]')], 422, 'ERR_CLIP_INVALID_ARGUMENT', 'token ids'],
    ['a text file for a picture', [file('file', 'a.txt', 'text/plain', 'a cat on a mat')], 415, 'ERR_CLIP_IMAGE_DECODE',
      'input[0]'],
  ])('%s', async (_, parts, status, code, words) => {
    expect(await embed(...parts)).toMatchObject(failure(status, code, words))
  })
  test('a picture in a field of labels', async () => {
    expect(await classify(file('labels', 'p.webp', 'image/webp', picture))).toMatchObject(
      failure(422, 'ERR_CLIP_INVALID_ARGUMENT', 'labels[0]'),
    )
  })
})
