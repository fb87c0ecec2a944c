import sharp from 'sharp'

import { jpegFrame } from '../../lib/image/jpeg-frame'
import { encode, exact, failure, pixelsOf } from './support'

const kinds: [string, () => sharp.Sharp][] = [
  ['baseline', () => encode(33, 17).jpeg()],
  ['progressive', () => encode(640, 30).jpeg({ progressive: true })],
  ['gray', () => encode(20, 21).toColourspace('b-w').jpeg()],
  ['with an orientation', () => encode(31, 11).withMetadata({ orientation: 6 }).jpeg()],
  ['with a colour profile', () => encode(8, 9).withIccProfile('p3').jpeg()],
  ['CMYK', () => encode(16, 15).toColourspace('cmyk').jpeg()],
]

test.each(kinds)('%s: what the decoder finds', async (_, make) => {
  const file = await make().toBuffer()
  const { width, height, channels } = await sharp(file).metadata()
  expect(jpegFrame(file)).toMatchObject({ width, height, components: channels })
})

test('fill bytes before a marker are skipped', async () => {
  const file = await encode(12, 10).jpeg().toBuffer()
  const filled = Buffer.concat([file.subarray(0, 2), Buffer.from([0xff, 0xff]), file.subarray(2)])
  expect(jpegFrame(filled)).toEqual({ width: 12, height: 10, components: 3, progressive: false })
})

test('anything else has none, and nothing is read beyond the end', async () => {
  const file = await encode(12, 10).jpeg().toBuffer()
  const end = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0)
  for (let n = 0; n < end + 10; n++) expect(jpegFrame(file.subarray(0, n))).toBeUndefined()
  expect(jpegFrame(await encode(12, 10).png().toBuffer())).toBeUndefined()
  const deep = Buffer.from(file)
  deep[end + 4] = 12 // bits
  expect(jpegFrame(deep)).toBeUndefined()
  const loop = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0])
  expect(jpegFrame(loop)).toBeUndefined()
})

test('the limit of pixels holds, with the orientation applied or not, and damage is told', async () => {
  const file = await encode(31, 11).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  expect(await pixelsOf(file)).toMatchObject({ width: 11, height: 31 })
  expect((await failure(file, { ...exact, maxPixels: 340 })).code).toBe('ERR_CLIP_IMAGE_TOO_LARGE')
  expect((await failure(file.subarray(0, file.length - 40), exact)).code).toBe('ERR_CLIP_IMAGE_DECODE')
})
