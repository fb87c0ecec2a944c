/** A generated test image: decoding time depends on the content, so it has smooth parts, edges and grain. */

/** The same bytes each time: a JPEG of quality 90. */
export async function makeJpeg(width: number, height: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp') // an optional dependency, which no other command needs
  const data = Buffer.allocUnsafe(3 * width * height)
  let state = 0x9e3779b9
  let at = 0
  for (let y = 0; y < height; y++) {
    const v = y / height
    for (let x = 0; x < width; x++) {
      const u = x / width
      // xorshift (Marsaglia 2003): grain of about 2 % of the range
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      const grain = (state & 15) - 8
      const disc = Math.hypot(u - 0.35, v - 0.55) < 0.2 ? 60 : 0
      const stripes = v > 0.7 && Math.sin(80 * u) > 0 ? 40 : 0
      data[at++] = clamp(60 + 140 * u + disc + grain)
      data[at++] = clamp(80 + 100 * v - stripes + grain)
      data[at++] = clamp(200 - 120 * u * v + stripes - disc + grain)
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 90 }).toBuffer()
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value))
}
