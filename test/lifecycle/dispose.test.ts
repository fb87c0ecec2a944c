/** dispose in every state, in one process. */
import { Clip } from '../../lib/index.js'
import { collect, failureOf, load, longText, maxDifference, picture, tinyModel, until } from './support'

const disposed = 'ERR_CLIP_DISPOSED'

describe('dispose', () => {
  it('is idempotent and gives the same promise, at once and later', async () => {
    const clip = await Clip.load(tinyModel, load)
    const first = clip.dispose()
    expect(clip.dispose()).toBe(first)
    await first
    await clip.dispose()
    await clip[Symbol.asyncDispose]()
    await expect(first).resolves.toBeUndefined()
  })

  it('makes every later call reject by code, also those that need no computing', async () => {
    const clip = await Clip.load(tinyModel, load)
    await clip.encodeText('known')
    const classifier = await clip.classifier(['a', 'b'])
    const generator = clip.encodeTexts(['x'])
    await clip.dispose()
    const calls: [string, () => unknown][] = [
      ['encodeImage', () => clip.encodeImage(picture(1))],
      ['encodeImage of none', () => clip.encodeImage([])],
      ['encodeText', () => clip.encodeText('new')],
      ['encodeText of a known text', () => clip.encodeText('known')],
      ['encodeText of none', () => clip.encodeText([])],
      ['encodeImages', () => collect(clip.encodeImages([picture(1)]))],
      ['encodeTexts begun before', () => generator.next()],
      ['classify', () => clip.classify(picture(1), ['a'])],
      ['classifier', () => clip.classifier(['a'])],
      ['a classifier made before', () => classifier.classify(picture(1))],
      ['similarity', () => clip.similarity(picture(1), 'a')],
      ['preprocess', () => clip.preprocess(picture(1))],
      ['tokenize', () => clip.tokenize('a')],
      ['hiddenStates', () => clip.hiddenStates('a', { tower: 'text' })],
    ]
    const codes = await Promise.all(
      calls.map(async ([name, call]) => [name, (await failureOf(call).catch(() => ({ code: 'no failure' }))).code]),
    )
    expect(codes).toEqual(calls.map(([name]) => [name, disposed]))
    expect(clip.info.dim).toBe(64)
    expect(clip.stats()).toMatchObject({ queued: 0, running: 0, cachedTexts: 0 })
  })

  it('lets the running batch end, rejects what waits, and resolves when all is quiet', async () => {
    const clip = await Clip.load(tinyModel, { ...load, maxBatch: 4 })
    const expected = await clip.encodeText(longText(0))
    const other = await Clip.load(tinyModel, { ...load, maxBatch: 4 })
    const calls = Array.from({ length: 20 }, (_, i) => other.encodeText(longText(i)))
    const settled = Promise.allSettled(calls)
    await until(() => other.stats().running > 0)
    const { items } = other.stats() // of the running batch, and of any that was over before this line
    await other.dispose()
    expect(other.stats()).toMatchObject({ queued: 0, running: 0, items })
    const results = await settled
    const done = results.filter(result => result.status === 'fulfilled')
    expect(done).toHaveLength(items)
    expect(maxDifference(done[0]!.value, expected)).toBeLessThan(1e-5)
    for (const result of results) {
      if (result.status === 'rejected') expect((result.reason as { code: string }).code).toBe(disposed)
    }
    await clip.dispose()
  })

  it('rejects calls whose picture is still being decoded', async () => {
    const clip = await Clip.load(tinyModel, load)
    const call = failureOf(() => clip.encodeImage(new Blob([Buffer.alloc(10)])))
    const pixels = failureOf(() => clip.preprocess(new Blob([Buffer.alloc(10)])))
    const many = Promise.allSettled(Array.from({ length: 30 }, (_, i) => clip.encodeImage(picture(i, 300, 300))))
    await clip.dispose()
    expect(['ERR_CLIP_IMAGE_DECODE', disposed]).toContain((await call).code)
    expect(['ERR_CLIP_IMAGE_DECODE', disposed]).toContain((await pixels).code)
    for (const result of await many)
      expect(result.status === 'fulfilled' || (result.reason as { code: string }).code === disposed).toBe(true)
  })

  it('ends a generator that is under way', async () => {
    const clip = await Clip.load(tinyModel, { ...load, maxBatch: 1 })
    let closed = false
    function* source() {
      try {
        for (let i = 0;; i++) yield `text ${i}`
      } finally {
        closed = true
      }
    }
    let taken = 0
    const error = await failureOf(async () => {
      for await (const _ of clip.encodeTexts(source())) if (++taken === 3) void clip.dispose()
    })
    expect([error.code, closed]).toEqual([disposed, true])
    expect(taken).toBeGreaterThanOrEqual(3)
  })

  it('does not disturb another instance of the same model', async () => {
    const [a, b] = await Promise.all([Clip.load(tinyModel, load), Clip.load(tinyModel, load)])
    const before = await b.encodeImage(picture(1))
    const during = b.encodeImage(Array.from({ length: 10 }, () => picture(1)))
    await a.dispose()
    for (const vector of await during) expect(maxDifference(vector, before)).toBeLessThan(1e-5)
    expect(maxDifference(await b.encodeImage(picture(1)), before)).toBeLessThan(1e-5)
    await b.dispose()
  })

  it('while hiddenStates run: they end and dispose waits or they reject by code', async () => {
    const clip = await Clip.load(tinyModel, load)
    const states = Promise.allSettled([
      clip.hiddenStates('a cat', { tower: 'text' }),
      clip.hiddenStates(picture(1), { tower: 'image' }),
      clip.preprocess(picture(2)),
    ])
    await clip.dispose()
    for (const result of await states)
      expect(result.status === 'fulfilled' || (result.reason as { code: string }).code === disposed).toBe(true)
  })
})
