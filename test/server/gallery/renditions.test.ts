/** Pictures for the page: few are made at a time, the same one once, and who comes when too many wait is refused. */
import type { IndexedFile } from '../../../lib/index'
import { Renditions } from '../../../lib/server/gallery/renditions'
import { sample } from '../support'

const files = (id: number): IndexedFile[] => [{ path: `${id}.webp`, size: 1, modified: new Date(0), hash: `${id}` }]

test('two are made at a time, 512 wait, and the next is refused', async () => {
  const reading: ((bytes: Buffer) => void)[] = []
  const folders = { read: () => new Promise<Buffer>(resolve => void reading.push(resolve)) }
  const renditions = new Renditions({ maxFileBytes: 2 ** 20, maxPixels: 2 ** 20 })
  const made = Array.from({ length: 514 }, (_, i) => renditions.get(folders, files(i), 'thumbnail'))
  await expect(renditions.get(folders, files(514), 'thumbnail')).rejects.toMatchObject({ code: 'ERR_CLIP_QUEUE_FULL' })
  // one that is being made already has its place
  made.push(renditions.get(folders, files(0), 'thumbnail'))
  expect(reading).toHaveLength(2)

  const picture = sample('pizza.webp')
  const rest = Promise.allSettled(made)
  reading[0]!(picture)
  const first = await made[0]!
  expect(first.toString('latin1', 8, 12)).toBe('WEBP')
  expect(await made.at(-1)).toBe(first)
  expect(reading).toHaveLength(3)
  // those that wait are given what cannot be decoded: they end soon, and fail by themselves
  for (let at = 1; at < 514; at++) {
    while (reading.length <= at) await new Promise(resolve => setImmediate(resolve))
    reading[at]!(Buffer.from('no picture'))
  }
  const outcomes = await rest
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(outcomes[5]).toMatchObject({ reason: { code: 'ERR_CLIP_IMAGE_DECODE' } })
  // remembered
  expect(await renditions.get(folders, files(0), 'thumbnail')).toBe(first)
  expect(reading).toHaveLength(514)
})
