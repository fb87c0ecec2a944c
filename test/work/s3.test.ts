/** Objects of S3 as sources, from a server in this process that checks each signature. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import type { PictureSource } from '../../lib/index.js'
import { bucket, failXml, keys, list, never, reader, refusal, rocket, signature } from './support'

const scratch = mkdtempSync(path.join(tmpdir(), 'ggclip-s3-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const odd = ['a/b c+d.png', 'a/ü&<é>.jpg', "a/'(x)!*~#%41?=.webp", 'a//./../z.png', 'a/.hidden.png', 'a/notes.txt',
  'b/other.png']

describe('objects of S3', () => {
  test('are listed in pages and read, whatever their names are, each request signed', async () => {
    const server = await bucket(Object.fromEntries(odd.map(name => [name, Buffer.from(`of ${name}`)])))
    const options = { s3: { endpoint: server.endpoint, ...keys } }
    const found = await list(['s3://pics/a'], options)
    const pictures = odd.slice(0, 4)
    expect(found).toHaveLength(4)
    expect(found).toEqual(expect.arrayContaining(pictures.map(name => ({
      key: `s3://pics/${name}`,
      size: Buffer.byteLength(`of ${name}`),
      modified: Date.parse('2026-01-02T03:04:05Z'),
    }))))
    expect(server.requests).toHaveLength(3)
    const { read, isKnown } = reader(options)
    for (const source of [...found, `s3://pics/${odd[6]}`]) {
      const key = typeof source === 'string' ? source : source.key
      const { bytes, modified } = await read(source, never)
      expect([String(bytes), modified]).toEqual([`of ${key.slice('s3://pics/'.length)}`,
        new Date('2026-01-02T03:04:05Z')])
      const row = { key, size: bytes.length, modified }
      expect(await isKnown(source, row)).toBe(true)
      if (typeof source === 'string') continue
      expect(await isKnown({ ...source, modified: 0 } as PictureSource, row)).toBe(false)
      expect(await isKnown({ ...source, size: 1 } as PictureSource, row)).toBe(false)
    }
    expect(await list(['s3://pics/a'], { ...options, exclude: ['b*', '*&*'] })).toHaveLength(2)
    // buckets as hosts, and what a list names
    writeFileSync(path.join(scratch, 'objects.csv'), 'url\ns3://pics/b/other.png\n')
    const port = new URL(server.endpoint).port
    const virtual = { s3: { endpoint: `http://localhost:${port}`, style: 'virtual' as const, ...keys } }
    expect(await list([path.join(scratch, 'objects.csv')], virtual)).toEqual(['s3://pics/b/other.png'])
  })

  test('of a public bucket, without a signature', async () => {
    const server = await bucket({ 'x.png': rocket }, { open: true })
    const s3 = { endpoint: server.endpoint, anonymous: true, ...keys }
    const [source] = await list(['s3://pics'], { s3 })
    expect((await reader({ s3 }).read(source!, never)).bytes).toEqual(rocket)
    const closed = await bucket({})
    const [code, message] = await refusal(list(['s3://pics'], { s3: { endpoint: closed.endpoint, anonymous: true } }))
    expect([code, message]).toEqual(['ERR_CLIP_S3_DENIED', expect.stringContaining('AWS_ACCESS_KEY_ID')])
  })

  test('settings come from the environment; keys that are no pair are refused', async () => {
    const server = await bucket({ 'x.png': rocket })
    const before = { ...process.env }
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_ENDPOINT_URL_S3: server.endpoint,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_SESSION_TOKEN: 'a token',
      AWS_DEFAULT_REGION: 'us-east-1',
    })
    try {
      let token
      server.trouble = ({ headers }) => {
        token = headers['x-amz-security-token']
        return false
      }
      expect(await list(['s3://pics'])).toHaveLength(1)
      expect(token).toBe('a token')
      delete process.env.AWS_SECRET_ACCESS_KEY
      expect(await refusal(list(['s3://pics']))).toEqual(['ERR_CLIP_OUT_OF_RANGE',
        expect.stringContaining('AWS_SECRET_ACCESS_KEY')])
    } finally {
      process.env = before
    }
    for (
      const s3 of [{ endpoint: 'ftp://x' }, { endpoint: 'http://a:b@c' }, { region: 'a/b' }, { style: 'x' }, {
        accessKeyId: 'x',
      }, { secretAccesKey: 'x' }] as object[]
    )
      expect((await refusal(list(['s3://pics'], { s3 })))[0]).toMatch(/^ERR_CLIP_(?:OUT_OF_RANGE|UNKNOWN_OPTION)$/)
    for (const address of ['s3://', 's3:///x', 's3://a..b/x', 's3://a b/x', 's3://x@h/y'])
      expect((await refusal(list([address])))[0]).toBe('ERR_CLIP_OUT_OF_RANGE')
  })

  test('the region of a bucket is taken from its answer', async () => {
    const server = await bucket({ 'x.png': rocket })
    server.trouble = (request, response) =>
      signature(request, keys.secretAccessKey) === 'right eu-x/s3/aws4_request' &&
      failXml(response, 301, 'PermanentRedirect', { 'x-amz-bucket-region': 'us-east-1' })
    const s3 = { endpoint: server.endpoint, region: 'eu-x', ...keys }
    expect(await list(['s3://pics'], { s3 })).toHaveLength(1)
    expect(server.requests).toHaveLength(2)
  })

  test('failures are said by code; those that may pass are tried again', async () => {
    const server = await bucket({ 'x.png': rocket, 'y.png': rocket, 'z.png': rocket })
    const s3 = { endpoint: server.endpoint, ...keys }
    const found = await list(['s3://pics'], { s3 })
    const listing = (): Promise<[string | undefined, string]> => refusal(list(['s3://pics'], { s3 }))
    const reading = (source: PictureSource, max?: number): Promise<[string | undefined, string]> =>
      refusal(reader({ s3, remoteImages: { timeoutMs: 300 } }, max).read(source, never))
    let failures = 2
    server.trouble = (request, response) => failures-- > 0 && failXml(response, 503, 'SlowDown')
    expect(await list(['s3://pics'], { s3 })).toEqual(found)
    failures = 1
    expect(await reading(found[0]!)).toEqual(['ERR_CLIP_S3_FAILED',
      expect.stringContaining("'s3://pics/x.png' cannot be read: status 503: SlowDown, because of <SlowDown>")])
    server.trouble = undefined
    expect((await reading('s3://pics/absent.png'))[0]).toBe('ERR_CLIP_S3_NOT_FOUND')
    expect((await reading('s3://other/x.png'))[0]).toBe('ERR_CLIP_S3_NOT_FOUND')
    expect((await reading(found[0]!, 100))[0]).toBe('ERR_CLIP_IMAGE_TOO_LARGE')
    expect((await refusal(list(['s3://pics/none/'], { s3 })))[0]).toBe('ERR_CLIP_S3_NOT_FOUND')
    expect(await refusal(list(['s3://pics'], { s3: { ...s3, secretAccessKey: 'x' } }))).toEqual(['ERR_CLIP_S3_DENIED',
      expect.stringContaining('SignatureDoesNotMatch')])
    // answers that are none
    for (
      const text of ['', '<html>', '<ListBucketResult><Contents><Key>x</Key></Contents></ListBucketResult>',
        '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
        '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>']
    ) {
      server.trouble = (_, response) => !!response.end(text)
      expect((await listing())[0]).toBe('ERR_CLIP_S3_FAILED')
    }
    // connections that end or say nothing
    server.trouble = (_, response) => {
      response.writeHead(200, { 'content-length': rocket.length })
      response.write(rocket.subarray(0, 100), () => response.destroy())
      return true
    }
    expect((await reading(found[0]!))[0]).toBe('ERR_CLIP_S3_FAILED')
    server.trouble = () => true
    expect(await reading(found[0]!)).toEqual(['ERR_CLIP_S3_FAILED', expect.stringContaining('longer than 300 ms')])
    const end = new AbortController()
    setTimeout(() => end.abort(new Error('enough')), 50)
    await expect(list(['s3://pics'], { s3, signal: end.signal })).rejects.toThrow('enough')
    await expect(reader({ s3 }).read(found[0]!, end.signal)).rejects.toThrow('enough')
  })
})
