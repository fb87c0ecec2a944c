// Pictures as they are uploaded: JPEG with detail, all different, the same on every run.
import sharp from 'sharp'

/** mulberry32 */
export function randomFrom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

export async function makePictures(count, { width = 640, height = 480 } = {}) {
  const random = randomFrom(1)
  const pictures = []
  for (let i = 0; i < count; i++) {
    // coarse noise, enlarged: smooth areas and edges, about as many bytes as a photograph
    const data = Buffer.from(Uint8Array.from({ length: 80 * 60 * 3 }, () => random() * 256))
    pictures.push(
      await sharp(data, { raw: { width: 80, height: 60, channels: 3 } }).resize(width, height).jpeg({ quality: 85 })
        .toBuffer(),
    )
  }
  return pictures
}

export const imageRequest = picture => ({
  method: 'POST',
  path: '/v1/embeddings',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ input: [{ image: picture.toString('base64') }] }),
})
