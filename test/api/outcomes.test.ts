/** onError: one bad input does not end a stream of many. */
import { Clip, type EncodeOutcome } from '../../lib/index.js'

const good = { data: new Uint8Array(48).fill(200), width: 4, height: 4, channels: 3 as const }
const bad = [Buffer.from('no picture'), 'no/such/file.png', 7 as never, Buffer.alloc(0),
  new URL('https://example.org/')]

let clip: Clip
beforeAll(async () => {
  clip = await Clip.load()
})
afterAll(() => clip.dispose())

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

test('bad images stand at their place, the others are as alone', async () => {
  const images = Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? bad[(i / 3 | 0) % bad.length]! : good))
  const alone = await clip.encodeImage(good)
  const outcomes = await all(clip.encodeImages(images, { onError: 'yield' }))
  expect(outcomes.map(({ index }) => index)).toEqual(images.map((_, i) => i))
  outcomes.forEach(({ embedding, error }: EncodeOutcome, i) => {
    if (images[i] === good) expect([...embedding!]).toEqual([...alone])
    else expect(error).toMatchObject({
        code: expect.stringMatching(/^ERR_CLIP_/),
        message: expect.stringContaining(`images[${i}]`),
      })
  })
})

test('by default the first bad one ends the stream', async () => {
  await expect(all(clip.encodeImages([good, bad[0]!, good]))).rejects.toMatchObject({ code: 'ERR_CLIP_IMAGE_DECODE' })
  await expect(all(clip.encodeImages([good, bad[0]!], { onError: 'throw' }))).rejects.toMatchObject({
    code: 'ERR_CLIP_IMAGE_DECODE',
  })
  await expect(all(clip.encodeImages([good], { onError: 'skip' as never }))).rejects.toMatchObject({
    code: 'ERR_CLIP_OUT_OF_RANGE',
  })
})

test('texts alike', async () => {
  const outcomes = await all(clip.encodeTexts(['a cat', 5 as never, 'a dog'], { onError: 'yield' }))
  expect(outcomes.map(({ error }) => (error as { code?: string } | undefined)?.code)).toEqual([undefined,
    'ERR_CLIP_INVALID_ARGUMENT', undefined])
})

test('what concerns all of them ends the stream: the signal, the source, dispose', async () => {
  const reason = new Error('enough')
  await expect(all(clip.encodeImages([good], { onError: 'yield', signal: AbortSignal.abort(reason) }))).rejects.toBe(
    reason,
  )
  const source = (function*() {
    yield good
    throw reason
  })()
  await expect(all(clip.encodeImages(source, { onError: 'yield' }))).rejects.toBe(reason)
  const other = await Clip.load()
  const stream = other.encodeImages([good, good], { onError: 'yield' })
  await other.dispose()
  await expect(all(stream)).rejects.toMatchObject({ code: 'ERR_CLIP_DISPOSED' })
})

test("every result is of the caller's realm", async () => {
  const { data } = await clip.hiddenStates('a', { tower: 'text' })
  const arrays = [await clip.encodeText('a', { normalize: false }), await clip.encodeImage(good, { normalize: false }),
    await clip.preprocess(good), data]
  for (const array of arrays) expect(array).toBeInstanceOf(Float32Array)
  expect(clip.info.vision!.constructor).toBe(Object)
})
