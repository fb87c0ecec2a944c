/** `maxMemory`: what a model may take, and what happens where that is too little. */
import { Clip } from '../../lib/index.js'
import { failureOf } from '../lifecycle/support'

const outOfMemory = { name: 'ClipError', code: 'ERR_CLIP_OUT_OF_MEMORY' }
const pictures = Array.from({ length: 24 }, (_, i) => ({
  data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => (at * (i + 3)) % 251),
  width: 64,
  height: 64,
  channels: 3 as const,
}))
const texts = Array.from({ length: 24 }, (_, i) => 'a word'.repeat(i + 1))

describe('maxMemory', () => {
  let unlimited: Clip, weights: number
  beforeAll(async () => {
    unlimited = await Clip.load(undefined, { threads: 1 })
    weights = unlimited.info.bytes
  })
  afterAll(() => unlimited.dispose())

  test('weights that need more are refused, with what they need', async () => {
    const error = await failureOf(() => Clip.load(undefined, { maxMemory: weights - 1 }))
    expect(error).toMatchObject(outOfMemory)
    expect(error.message).toMatch(
      /^the weights: \d+\.\d MB more are needed, and 0\.0 of maxMemory's \d+\.\d MB are used/,
    )
  })

  test('one input that needs more fails, again and again, and the model can still be used', async () => {
    const clip = await Clip.load(undefined, { threads: 1, maxMemory: weights + 1000 })
    for (let i = 0; i < 3; i++) {
      expect(await failureOf(() => clip.encodeImage(pictures[0]!))).toMatchObject(outOfMemory)
      expect(await failureOf(() => clip.encodeText(`text ${i}`))).toMatchObject(outOfMemory)
    }
    expect(clip.stats()).toMatchObject({ queued: 0, running: 0 })
    await clip.dispose()
  })

  test('batches become as small as needed, with the same results', async () => {
    const expected = { images: await unlimited.encodeImage(pictures), texts: await unlimited.encodeText(texts) }
    // the least memory, to a tenth of a megabyte, in which single inputs run
    let least = weights + 100_000
    const runs = async (maxMemory: number): Promise<boolean> => {
      const clip = await Clip.load(undefined, { threads: 1, maxMemory })
      try {
        await clip.encodeImage(pictures[0]!)
        await clip.encodeText(texts.at(-1)!)
        return true
      } catch (error) {
        expect(error).toMatchObject(outOfMemory)
        return false
      } finally {
        await clip.dispose()
      }
    }
    while (!(await runs(least))) least += 100_000
    const batches: number[] = []
    const clip = await Clip.load(undefined, {
      threads: 1,
      maxMemory: least + 100_000,
      onTrace: event => void (event.type === 'batch' && batches.push(event.size)),
    })
    // in turns, so that each tower finds the other's memory taken
    for (let round = 0; round < 2; round++) {
      expect(await clip.encodeImage(pictures)).toEqual(expected.images)
      expect(await clip.encodeText(texts.map(text => `${text}${' '.repeat(round)}`))).toEqual(expected.texts)
    }
    await clip.dispose()
    expect(Math.max(...batches)).toBeGreaterThan(1)
  })

  test('several sessions share it', async () => {
    const expected = await unlimited.encodeImage(pictures)
    const clip = await Clip.load(undefined, { threads: 1, sessions: 3, maxMemory: weights + 12_000_000 })
    const found = await Promise.all(pictures.map(picture => clip.encodeImage(picture)))
    expect(found).toEqual(expected)
    await clip.dispose()
  })
})
