/** Forms as parts: whatever clients write is read as it is meant, or refused. */
import { boundaryOf, type Part, partsOf } from '../../../lib/server/input/multipart'
import type { Server } from '../../../lib/server/index'
import { library, read, start, vectorsOf } from '../support'

const parts = (text: string | Buffer): Part[] => [...partsOf(Buffer.from(text as string), 'b')]
const part = (head: string, content = 'x'): string => `--b\r\n${head}\r\n\r\n${content}\r\n`
const form = 'Content-Disposition: form-data; '

test.each<[string, Partial<Part>]>([
  [`${form}name="a"`, { name: 'a', filename: undefined, type: 'text/plain', charset: undefined }],
  [`content-disposition:form-data;name=a;filename=`, { name: 'a', filename: '' }],
  [`${form}name="a; filename=b"`, { name: 'a; filename=b', filename: undefined }],
  [`${form}name="a\\"b"; filename="C:\\x.png"`, { name: 'a"b', filename: 'C:\\x.png' }],
  [`${form}filename*=UTF-8''%e2%82%ac; name="é"`, { name: 'é', filename: "UTF-8''%e2%82%ac" }],
  [`Content-Type: Text/Plain; Charset="ISO-8859-1"\r\n${form}\r\n name="a"`, {
    name: 'a',
    type: 'text/plain',
    charset: 'ISO-8859-1',
  }],
  [`${form}name="a"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: Binary`, { type: 'image/png' }],
])(
  'the head %j',
  (head, expected) => expect(parts(`${part(head)}--b--`)).toMatchObject([{ ...expected, bytes: Buffer.from('x') }]),
)

test('parts: what stands before and behind them, empty ones, line ends and boundaries within', () => {
  const contents = ['', '\r\n', '\r\n--', '-b', '\n--b', 'a\r\n-\r\nb', '\r\n\r\n']
  const body = `preamble\r\n${
    contents.map(content => part(`${form}name="a"`, content)).join('')
  }--b-- \r\nepilogue\r\n--b\r\n`
  expect(parts(body).map(({ bytes }) => bytes.toString())).toEqual(contents)
  expect(parts('--b--\r\n')).toEqual([])
})

test.each([
  ['', 'no boundary'],
  ['--c\r\n', 'no boundary'],
  ['--b', 'within a boundary'],
  ['--bc\r\n\r\nx\r\n--b--', 'a boundary is followed'],
  [`--b\r\n${form}name="a"`, 'head'],
  [`--b\r\n${form}name="a"\r\n\r\nx`, 'within a part'],
  [`${part('X: y')}--b--`, 'no name'],
  ['--b\r\n\r\nx\r\n--b--', 'no name'],
  [`${part('Content-Disposition: attachment; name="a"')}--b--`, 'no name'],
  [`${part(`${form}name="a"\r\nX: ${'y'.repeat(17_000)}`)}--b--`, 'longer than'],
  [`${part(`${form}name="a"\r\nContent-Transfer-Encoding: base64`)}--b--`, 'base64'],
])(
  '%.60j is refused',
  (body, words) =>
    expect(() => parts(body)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^ERR_CLIP_REQUEST_/),
        message: expect.stringContaining(words) as string,
      }),
    ),
)

test('boundaries', () => {
  expect(
    ['multipart/form-data; boundary=abc', 'Multipart/Form-Data;charset=utf-8; BOUNDARY="a b"', 'application/json',
      'multipart/form-database', undefined].map(boundaryOf),
  ).toEqual(['abc', 'a b', undefined, undefined, undefined])
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=""'])
    expect(() => boundaryOf(type)).toThrow('boundary')
})

describe('the charset of a part', () => {
  let server: Server
  beforeAll(async () => {
    server = await start({ page: false })
  })
  const send = async (head: string, content: Buffer) =>
    read(
      await fetch(`${server.url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        body: Buffer.concat([Buffer.from(`--b\r\n${form}name="input"\r\n${head}\r\n\r\n`), content,
          Buffer.from('\r\n--b--\r\n')]),
      }),
    )

  test('is honoured', async () => {
    const clip = await library()
    for (
      const [charset, text, bytes] of [
        ['ISO-8859-1', 'crème brûlée', Buffer.from('crème brûlée', 'latin1')],
        ['"utf-16le"', 'crème €', Buffer.from('crème €', 'utf16le')],
        ['UTF-8', 'é€', Buffer.from('é€')],
        ['iso-2022-jp', '寿司', Buffer.from('\x1b$B<w;J\x1b(B', 'latin1')],
        ['shift_jis', 'ソ', Buffer.from([0x83, 0x5c])],
      ] as const
    ) {
      const answer = await send(`Content-Type: text/plain; charset=${charset}`, bytes)
      expect([charset, answer.status]).toEqual([charset, 200])
      expect(vectorsOf(answer)).toEqual([Array.from(await clip.encodeText(text))])
    }
  })

  test('or refused', async () => {
    expect(await send('Content-Type: text/plain; charset=utf-7', Buffer.from('+AOk-'))).toMatchObject({
      status: 415,
      body: { error: { code: 'ERR_CLIP_REQUEST_UNSUPPORTED' } },
    })
    expect(await send('Content-Type: text/plain; charset=utf-8', Buffer.from('é', 'latin1'))).toMatchObject({
      status: 422,
      body: { error: { code: 'ERR_CLIP_INVALID_ARGUMENT' } },
    })
    expect(await send('Content-Type: application/json; charset=iso-8859-1', Buffer.from('"é"', 'latin1')))
      .toMatchObject({ status: 415, body: { error: { code: 'ERR_CLIP_REQUEST_UNSUPPORTED' } } })
  })
})
