/** Decoded pictures are given back as soon as they are encoded; what is the caller's stays the caller's. */
import sharp from 'sharp'

import { Clip } from '../../lib/index'
import { loadAddon } from '../../lib/native/load'

let clip: Clip
beforeAll(async () => {
  clip = await Clip.load(undefined, { threads: 1 })
})
afterAll(() => clip.dispose())

test('pixels do not wait for the garbage collector', async () => {
  const picture = await sharp({ create: { width: 1000, height: 1000, channels: 3, background: 'teal' } }).png()
    .toBuffer()
  await clip.encodeImage(picture)
  const before = process.memoryUsage().external
  for (let i = 0; i < 15; i++) await clip.encodeImage(picture)
  // 3 MB each, 45 in all
  expect(process.memoryUsage().external - before).toBeLessThan(12e6)
})

test('inputs stay as they are', async () => {
  const pixels = { data: new Uint8Array(48 * 48 * 3).fill(90), width: 48, height: 48, channels: 3 as const }
  const tensor = await clip.preprocess(pixels)
  const file = await sharp(pixels.data, { raw: pixels }).png().toBuffer()
  const instance = sharp(file)
  const first = await clip.encodeImage([pixels, { tensor }, file, instance])
  expect([pixels.data.length, tensor.length > 0, file.length > 0]).toEqual([48 * 48 * 3, true, true])
  expect(await clip.encodeImage([pixels, { tensor }, file, instance])).toEqual(first)
})

describe('detach', () => {
  const { detach } = loadAddon()

  test('empties what is a buffer of its own, and that twice', () => {
    const own = new Uint8Array(100)
    detach(own)
    detach(own)
    expect([own.length, own.buffer.byteLength]).toEqual([0, 0])
  })

  test('leaves a part, shared memory and WebAssembly alone', () => {
    const part = new Uint8Array(100).subarray(1)
    const shared = new Uint8Array(new SharedArrayBuffer(8))
    const wasm = new Uint8Array(new (globalThis as any).WebAssembly.Memory({ initial: 1 }).buffer)
    for (const view of [part, shared, wasm]) detach(view)
    expect([part.length, shared.length, wasm.length]).toEqual([99, 8, 65536])
    expect(() => detach(5 as never)).toThrow(expect.objectContaining({ code: 'ERR_CLIP_INVALID_ARGUMENT' }))
  })
})
