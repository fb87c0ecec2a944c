/** Whose call it is, how long it may take, and what is told of it. */
import { Clip, type TraceEvent } from '../../lib/index.js'

const grey = (level: number, edge = 64) => ({
  data: new Uint8Array(edge * edge * 3).fill(level),
  width: edge,
  height: edge,
  channels: 3 as const,
})
const late = { name: 'ClipError', code: 'ERR_CLIP_DEADLINE_EXCEEDED' }

describe('calls with limits', () => {
  const events: TraceEvent[] = []
  let clip: Clip
  beforeAll(async () => {
    clip = await Clip.load(undefined, {
      threads: 1,
      maxBatch: 8,
      maxQueue: 64,
      onTrace: event => void events.push(event),
    })
  })
  afterAll(() => clip.dispose())

  test('timeoutMs: every kind of call rejects when it takes longer, and others go on', async () => {
    const busy = Promise.all(Array.from({ length: 40 }, (_, i) => clip.encodeImage(grey(i))))
    const calls = {
      image: clip.encodeImage(grey(1), { timeoutMs: 1 }),
      images: clip.encodeImage(Array.from({ length: 20 }, (_, i) => grey(i)), { timeoutMs: 1 }),
      text: clip.encodeText('a text of its own', { timeoutMs: 1 }),
      classify: clip.classify(grey(2), ['one', 'two'], { timeoutMs: 1 }),
      similarity: clip.similarity(grey(3), 'three', { timeoutMs: 1 }),
      stream: clip.encodeImages([grey(4)], { timeoutMs: 1 }).next(),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call.then(() => `${name} came`, (error: unknown) => error)).resolves.toMatchObject(late)
    }
    expect(await busy).toHaveLength(40)
    expect(clip.stats()).toMatchObject({ queued: 0, running: 0 })
  })

  test('timeoutMs: enough time changes nothing', async () => {
    expect(await clip.encodeImage(grey(9), { timeoutMs: 60_000, client: 'a' })).toEqual(await clip.encodeImage(grey(9)))
    expect(await clip.classify(grey(9), ['x', 'y'], { timeoutMs: 60_000, client: 'a' })).toEqual(
      await clip.classify(grey(9), ['x', 'y']),
    )
  })

  test("client: one call is not kept waiting by another client's sixty", async () => {
    const order: string[] = []
    const note = (name: string) => (): void => void order.push(name)
    const flood = Array.from(
      { length: 48 },
      (_, i) => clip.encodeImage(grey(i), { client: 'flood' }).then(note('flood')),
    )
    const small = clip.encodeImage(grey(99), { client: 'small' }).then(note('small'))
    await Promise.all([...flood, small])
    // one batch may run already, and the second has it
    expect(order.indexOf('small')).toBeLessThan(24)
  })

  test('client: a full queue says so with a hint, and has room for others', async () => {
    const calls = Array.from({ length: 90 }, (_, i) => clip.encodeText(`text number ${i}`, { client: 'flood' }))
    const outcomes = Promise.allSettled(calls)
    await expect(clip.encodeText('other', { client: 'small' })).resolves.toHaveLength(256)
    const refused = (await outcomes).flatMap(
      outcome => (outcome.status === 'rejected' ? [outcome.reason as { code: string; retryAfterMs: number }] : []),
    )
    expect(refused.length).toBeGreaterThan(10)
    for (const { code, retryAfterMs } of refused) {
      expect(code).toBe('ERR_CLIP_QUEUE_FULL')
      expect(retryAfterMs).toBeGreaterThan(0)
    }
  })

  test('onTrace: images decoded and batches', async () => {
    events.length = 0
    await Promise.all([clip.encodeImage(grey(1)), clip.encodeImage(grey(2), { background: [1, 2, 3] }),
      clip.encodeText('something else')])
    expect(events.filter(({ type }) => type === 'decode')).toHaveLength(2)
    const batches = events.filter(event => event.type === 'batch')
    expect(batches.map(({ kind, size }) => [kind, size]).sort()).toEqual([['image', 1], ['image', 1], ['text', 1]])
    for (const { waitMs, runMs } of batches) expect([waitMs >= 0, runMs > 0]).toEqual([true, true])
  })

  test("onTrace of a call: its own images and batches, nobody else's", async () => {
    const own: TraceEvent[] = []
    const onTrace = (event: TraceEvent): void => void own.push(event)
    await Promise.all([clip.encodeImage([grey(11), grey(12)], { onTrace }), clip.encodeImage(grey(13)),
      clip.encodeText('text of nobody')])
    expect(own.filter(({ type }) => type === 'decode')).toHaveLength(2)
    const batches = own.filter(event => event.type === 'batch')
    expect(batches.map(({ kind }) => kind)).toEqual(['image', 'image'])
    for (const { batch, size, waitMs, runMs } of batches)
      expect([batch > 0, size >= 1, waitMs >= 0, runMs > 0]).toEqual([true, true, true, true])
    own.length = 0
    await clip.classify(grey(14), ['left', 'right'], { onTrace })
    await clip.similarity(grey(14), 'a text for similarity', { onTrace })
    expect(own.map(event => (event.type === 'batch' ? event.kind : event.type)).sort()).toEqual(['decode', 'decode',
      'image', 'image', 'text', 'text'])
    await expect(clip.encodeText('a', { onTrace: 5 as never })).rejects.toMatchObject({
      code: 'ERR_CLIP_INVALID_ARGUMENT',
    })
  })

  test.each([
    [{ client: 5 }, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ client: '' }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ timeoutMs: '5' }, 'ERR_CLIP_INVALID_ARGUMENT'],
    [{ timeoutMs: -1 }, 'ERR_CLIP_OUT_OF_RANGE'],
    [{ timeoutMs: 2 ** 31 }, 'ERR_CLIP_OUT_OF_RANGE'],
  ])('%p is refused', async (options, code) => {
    await expect(clip.encodeText('a', options as object)).rejects.toMatchObject({ code })
    await expect(clip.encodeImage(grey(1), options as object)).rejects.toMatchObject({ code })
    await expect(clip.classify(grey(1), ['a'], options as object)).rejects.toMatchObject({ code })
  })

  test('onTrace must be a function', async () => {
    await expect(Clip.load(undefined, { onTrace: 5 as never })).rejects.toMatchObject({
      code: 'ERR_CLIP_INVALID_ARGUMENT',
    })
  })
})
