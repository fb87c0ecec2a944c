/** Decoding that takes long is stopped: by its own limit, by the caller, and with the host. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { decodeImage } from '../../lib/image/image'
import { endsSoon } from '../../lib/image/pixel-size'
import { encode, exact, failure, pixelsOf } from './support'

const blur = '<feGaussianBlur stdDeviation="900"/>'
/** Minutes of work in a few hundred bytes. */
const slow = Buffer.from(
  `<svg xmlns="http://www.w3.org/2000/svg" width="4000" height="4000"><filter id="f">${blur.repeat(20)}</filter>`
    + '<rect width="4000" height="4000" filter="url(#f)"/></svg>',
)
const quick = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"><rect width="4" height="2" fill="red"/></svg>',
)

test('the time limit stops the work, and the next picture is decoded', async () => {
  expect((await failure(slow, { ...exact, maxDecodeMs: 300 })).code).toBe('ERR_CLIP_IMAGE_LIMIT')
  expect(await pixelsOf(quick)).toMatchObject({ width: 4, height: 2 })
})

test('an abort is heard at once, and its place is free again', async () => {
  const reason = new Error('enough')
  const controller = new AbortController()
  const running = Array.from({ length: 3 }, () => decodeImage(slow, { ...exact, signal: controller.signal }))
  running.forEach(promise => void promise.catch(() => undefined))
  await new Promise(resolve => setTimeout(resolve, 300))
  const began = performance.now()
  controller.abort(reason)
  for (const promise of running) await expect(promise).rejects.toBe(reason)
  expect(performance.now() - began).toBeLessThan(2000)
  expect(await pixelsOf(quick)).toMatchObject({ width: 4 })
})

test('pictures in the host go on beside those that take long', async () => {
  const stop = new AbortController()
  const running = Array.from(
    { length: 3 },
    () => decodeImage(slow, { ...exact, signal: stop.signal }).catch(() => undefined),
  )
  const png = await encode(20, 10).png().toBuffer()
  for (let i = 0; i < 5; i++) expect(await pixelsOf(png)).toMatchObject({ width: 20 })
  stop.abort()
  await Promise.all(running)
})

test('svg: false refuses it and says how to turn it on', async () => {
  expect((await failure(quick, { ...exact, svg: false })).message).toMatch(/SVG.*svg: true.*--svg/)
})

test('an SVG loads nothing from outside', async () => {
  const png = join(mkdtempSync(join(tmpdir(), 'ggclip-svg-')), 'red.png')
  writeFileSync(png, await encode(4, 4).png().toBuffer())
  const svg = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><image href="file://${png}" width="4" height="4"/></svg>`,
  )
  expect([...(await pixelsOf(svg)).data]).toEqual(Array(64).fill(0))
})

test('only files of bounded cost are decoded in the host', async () => {
  const small = encode(64, 48)
  const large = await small.clone().jpeg({ progressive: true }).toBuffer()
  large.writeUInt32BE((3000 << 16) | 3000, large.indexOf(Buffer.from([0xff, 0xc2])) + 5)
  const kinds: [string, boolean, Buffer][] = [
    ['jpeg', true, await small.clone().jpeg().toBuffer()],
    ['png', true, await small.clone().png().toBuffer()],
    ['webp', true, await small.clone().webp().toBuffer()],
    ['webp', true, await small.clone().webp({ lossless: true }).toBuffer()],
    ['gif', false, await small.clone().gif().toBuffer()],
    ['tiff', false, await small.clone().tiff().toBuffer()],
    ['jpeg', true, await small.clone().jpeg({ progressive: true }).toBuffer()],
    ['jpeg', false, large],
    ['jpeg', false, await small.clone().toColourspace('cmyk').jpeg().toBuffer()],
    ['svg', false, quick],
  ]
  for (const [format, inHost, bytes] of kinds)
    expect([format, endsSoon(format as 'jpeg', bytes)]).toEqual([format, inHost])
})

const onLinux = process.platform === 'linux' ? test : test.skip
onLinux('a decoder neither keeps its host alive nor outlives it', async () => {
  const program = (after: string): string => `
    const { Clip } = require(${JSON.stringify(join(__dirname, '..', '..'))});
    Clip.load().then(async clip => {
      await clip.encodeImage(Buffer.from(${JSON.stringify(quick.toString())}));
      console.log('ready'); ${after}
    })`
  const decodersOf = (pid: number): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  const quiet = spawn(process.execPath, ['-e', program('await clip.dispose()')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  expect(await once(quiet, 'exit')).toEqual([0, null])

  const busy = `clip.encodeImage(Buffer.from(${JSON.stringify(slow.toString())}))`
  const killed = spawn(process.execPath, ['-e', program(busy)], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(killed.stdout, 'data')
  await new Promise(resolve => setTimeout(resolve, 300))
  const decoders = decodersOf(killed.pid!)
  expect(decoders.length).toBeGreaterThan(0)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  for (let i = 0; i < 100 && decoders.some(pid => existsSync(`/proc/${pid}`)); i++)
    await new Promise(resolve => setTimeout(resolve, 50))
  expect(decoders.filter(pid => existsSync(`/proc/${pid}`))).toEqual([])
})
