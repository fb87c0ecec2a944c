/** Refusals, busy and broken servers, redirects, tokens, and doing without a server. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { SeenRequest, Trouble } from '../helpers/fake-hub'
import { Bench, checkpoint, failure, quickRetries } from './support'

const bench = new Bench()
const token = 'hf_secret0123456789'

/** The same trouble for every request that fits. */
function always(fits: (request: SeenRequest) => boolean, trouble: Trouble): void {
  bench.hub.trouble = request => (fits(request) ? trouble : undefined)
}

const isList = ({ url }: SeenRequest): boolean => url.startsWith('/api/')

describe('who may not', () => {
  test('unknown or private, without a token', async () => {
    const error = await failure(bench.fetch('owner/absent'))
    expect(error.code).toBe('ERR_CLIP_HUB_DENIED')
    expect(error.message).toMatch(
      /answered 401 \(Repository not found\) for model 'owner\/absent' at revision 'main': it does not exist, or is private: check the name, or set HF_TOKEN$/,
    )
    expect(bench.hub.requests).toHaveLength(1)
  })

  test('a token that is not good enough', async () => {
    bench.hub.add('owner/private', checkpoint, { token })
    const error = await failure(bench.fetch('owner/private', {}, { token: 'hf_wrong' }))
    expect(error.code).toBe('ERR_CLIP_HUB_DENIED')
    expect(error.message).not.toContain('hf_wrong')
    expect((await bench.fetch('owner/private', {}, { token })).downloadedBytes).toBeGreaterThan(0)
  })

  test('gated: the message says where to ask for access', async () => {
    bench.hub.add('owner/gated', checkpoint, { token, gated: true })
    const error = await failure(bench.fetch('owner/gated'))
    expect(error.code).toBe('ERR_CLIP_HUB_DENIED')
    expect(error.message).toContain(`accept its conditions at ${bench.hub.endpoint}/owner/gated and set HF_TOKEN`)
  })

  test('the token goes to the hub and to no other host', async () => {
    bench.hub.add('owner/private', checkpoint, { token })
    await bench.fetch('owner/private', {}, { token })
    const sent = (server: string): Set<string | undefined> =>
      new Set(bench.hub.requests.filter(one => one.server === server).map(one => one.headers.authorization))
    expect(sent('hub')).toEqual(new Set([`Bearer ${token}`]))
    expect(sent('cdn')).toEqual(new Set([undefined]))
  })
})

describe('what is not there', () => {
  beforeEach(() => void bench.hub.add('owner/model', checkpoint))

  test('a model, with a token', async () => {
    const error = await failure(bench.fetch('owner/absent', {}, { token }))
    expect(error.code).toBe('ERR_CLIP_HUB_NOT_FOUND')
    expect(error.message).toContain('or this token may not see it')
  })

  test('a revision', async () => {
    const error = await failure(bench.fetch('owner/model@v2'))
    expect(error).toMatchObject({ code: 'ERR_CLIP_HUB_NOT_FOUND', message: expect.stringContaining("revision 'v2'") })
  })

  test('a file that the list promised', async () => {
    always(({ url }) => url.endsWith('/tokenizer.json'), { status: 404 })
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({
      code: 'ERR_CLIP_HUB_NOT_FOUND',
      message: expect.stringContaining("file 'tokenizer.json' of model 'owner/model'"),
    })
  })

  test('a model in it', async () => {
    bench.hub.add('owner/dataset', { 'README.md': 'x', 'data.parquet': 'y' })
    const error = await failure(bench.fetch('owner/dataset'))
    expect(error.code).toBe('ERR_CLIP_HUB_FILES')
    expect(error.message).toMatch(/^owner\/dataset: expected config\.json or .*, found 'README\.md', 'data\.parquet'$/)
  })
})

describe('busy and broken servers', () => {
  beforeEach(() => void bench.hub.add('owner/model', checkpoint))

  /** The first `count` requests that fit fail. */
  function atFirst(count: number, fits: (request: SeenRequest) => boolean, trouble: Trouble): void {
    let left = count
    bench.hub.trouble = request => (fits(request) && left-- > 0 ? trouble : undefined)
  }

  test.each([[500], [502], [503], [504], [408]])('%d is tried again', async status => {
    atFirst(2, isList, { status })
    expect((await bench.fetch('owner/model')).downloadedBytes).toBeGreaterThan(0)
  })

  test('a server error on the way to the weights is tried again', async () => {
    atFirst(2, ({ server }) => server === 'cdn', { status: 503 })
    await bench.fetch('owner/model')
  })

  test('an address of the other server that is no longer good is asked for again', async () => {
    atFirst(1, ({ server }) => server === 'cdn', { status: 403 })
    await bench.fetch('owner/model')
    expect(bench.hub.takeLog().filter(line => line.endsWith('GET model.safetensors'))).toHaveLength(2)
  })

  test('429 waits as long as it is told', async () => {
    atFirst(1, isList, { status: 429, headers: { 'retry-after': '1' } })
    const started = performance.now()
    await bench.fetch('owner/model')
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
  })

  test('429 with a date, or with the reset time of RateLimit', async () => {
    atFirst(1, isList, { status: 429, headers: { 'retry-after': new Date(Date.now() - 5000).toUTCString() } })
    await bench.fetch('owner/model')
    atFirst(1, isList, { status: 429, headers: { ratelimit: '"api";r=0;t=1' } })
    const started = performance.now()
    await bench.fetch('owner/model')
    expect(performance.now() - started).toBeGreaterThanOrEqual(990)
  })

  test('429 for too long is an error that says for how long', async () => {
    always(isList, { status: 429, headers: { 'retry-after': '300' } })
    const error = await failure(bench.fetch('owner/model'))
    expect(error).toMatchObject({ code: 'ERR_CLIP_HUB_BUSY', message: expect.stringContaining('try again in 300 s') })
    expect(bench.hub.requests).toHaveLength(1)
  })

  test('a wait can be cancelled', async () => {
    always(isList, { status: 429, headers: { 'retry-after': '60' } })
    const reason = new Error('no patience')
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), 100)
    expect(
      await failure(
        bench.fetch('owner/model', { signal: abort.signal }, { retry: { ...quickRetries, maxServerPauseMs: 1e6 } }),
      ),
    ).toBe(reason)
  })

  test('a server that never recovers', async () => {
    always(isList, { status: 500 })
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_UNREACHABLE' })
    expect(bench.hub.requests).toHaveLength(quickRetries.attempts)
  })

  test('nobody there', async () => {
    const error = await failure(bench.fetch('owner/model', {}, { endpoint: 'http://127.0.0.1:9' }))
    expect(error).toMatchObject({
      code: 'ERR_CLIP_HUB_UNREACHABLE',
      message: expect.stringMatching(/^cannot reach 127\.0\.0\.1:9: /),
    })
  })

  test('an odd status is no riddle', async () => {
    always(isList, { status: 418 })
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({
      code: 'ERR_CLIP_HUB_RESPONSE',
      message: expect.stringContaining('answered 418'),
    })
  })
})

describe('answers that are none', () => {
  async function answering(
    body: string,
    headers: Record<string, string> = {},
    status = 200,
  ): Promise<Error & { code?: string }> {
    const server = createServer((_, response) => response.writeHead(status, headers).end(body))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    try {
      return await failure(
        bench.fetch('owner/model', {}, { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
      )
    } finally {
      server.close()
    }
  }

  test.each([
    ['a web page', '<html>Log in</html>',
      /expected JSON about model 'owner\/model' at revision 'main', found "<html>Log in<\/html>": is HF_ENDPOINT a hub\?$/],
    ['null', 'null', /expected sha/],
    ['no list', '{"sha":"0123456789012345678901234567890123456789"}', /expected sha/],
    ['a commit that would leave the cache', '{"sha":"../../../etc","siblings":[]}', /expected sha/],
  ])('%s', async (_, body, message) => {
    const error = await answering(body)
    expect(error.code).toBe('ERR_CLIP_HUB_RESPONSE')
    expect(error.message).toMatch(message)
  })

  test('names that would leave the cache are no files', async () => {
    const siblings = ['../config.json', '/etc/config.json', 'a\\config.json', 'a/../config.json', 'C:config.json'].map(
      rfilename => ({ rfilename, size: 1, blobId: 'x' }),
    )
    const error = await answering(JSON.stringify({ sha: '0'.repeat(40), siblings }))
    expect(error).toMatchObject({ code: 'ERR_CLIP_HUB_FILES', message: expect.stringContaining('found no file') })
  })

  test.each([
    ['in a circle', '/api/models/owner/model/revision/main?blobs=true', /more than 8 redirects/],
    ['to a file', 'file:///etc/passwd', /which is not followed/],
    ['to nonsense', 'http://', /which is not followed/],
  ])('a redirect %s', async (_, location, message) => {
    const error = await answering('', { location }, 307)
    expect(error.code).toBe('ERR_CLIP_HUB_RESPONSE')
    expect(error.message).toMatch(message)
  })

  test('a renamed model is found under its new name', async () => {
    bench.hub.add('owner/new-name', checkpoint)
    bench.hub.trouble = (
      { url },
    ) => (url.includes('old-name')
      ? { status: 307, headers: { location: url.replace('old-name', 'new-name') } }
      : undefined)
    const result = await bench.fetch('owner/old-name', {}, { token })
    expect(result).toMatchObject({ id: 'owner/old-name' })
    expect(
      new Set(bench.hub.requests.filter(({ server }) => server === 'hub').map(({ headers }) => headers.authorization)),
    ).toEqual(new Set([`Bearer ${token}`]))
  })
})

describe('without a server', () => {
  test('offline: what the cache has is used, what it lacks is an error', async () => {
    const error = await failure(bench.fetch('owner/model', {}, { offline: true }))
    expect(error).toMatchObject({ code: 'ERR_CLIP_HUB_OFFLINE', message: expect.stringContaining(bench.cacheDir) })
    bench.hub.add('owner/model', checkpoint)
    const { path: folder } = await bench.fetch('owner/model')
    bench.hub.takeLog()
    expect(await bench.fetch('owner/model', {}, { offline: true })).toMatchObject({
      path: folder,
      stale: false,
      downloadedBytes: 0,
    })
    expect(await failure(bench.fetch('owner/model@other', {}, { offline: true }))).toMatchObject({
      code: 'ERR_CLIP_HUB_OFFLINE',
    })
    expect(bench.hub.requests).toEqual([])
  })

  test('a hub that cannot be reached: the last known state, and the result says so', async () => {
    bench.hub.add('owner/model', checkpoint)
    const { path: folder } = await bench.fetch('owner/model')
    always(isList, { status: 503 })
    expect(await bench.fetch('owner/model')).toMatchObject({ path: folder, stale: true })
    expect(await bench.fetch('owner/model', {}, { endpoint: 'http://127.0.0.1:9' })).toMatchObject({
      path: folder,
      stale: true,
    })
  })

  test('a hub that refuses is not overruled by the cache', async () => {
    bench.hub.add('owner/model', checkpoint)
    await bench.fetch('owner/model')
    always(isList, { status: 401 })
    expect(await failure(bench.fetch('owner/model'))).toMatchObject({ code: 'ERR_CLIP_HUB_DENIED' })
  })
})
