/** Pictures in terminals, by the three protocols that they have for it. */
import { type NamedFile, smallPicture } from './small-picture.js'

export const terminalProtocols = ['kitty', 'iterm', 'sixel'] as const
export type TerminalProtocol = (typeof terminalProtocols)[number]

/** Pixels of a picture's longer side. */
const side = 180

/** What draws a picture below the cursor, with the line feed after it; '' for a file that cannot be drawn. */
export async function drawn(file: NamedFile, protocol: TerminalProtocol): Promise<string> {
  if (protocol === 'sixel') {
    const pixels = await smallPicture(
      file,
      side,
      picture => picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }),
    )
    return pixels ? `${sixel(pixels.data, pixels.info)}\n` : ''
  }
  const png = await smallPicture(file, side, picture => picture.png().toBuffer())
  if (!png) return ''
  return `${protocol === 'kitty' ? kitty(png) : iterm(png)}\n`
}

/** https://sw.kovidgoyal.net/kitty/graphics-protocol/ */
function kitty(png: Buffer): string {
  const pieces = png.toString('base64').match(/.{1,4096}/g) ?? []
  return pieces.map((piece, i) => {
    const more = i < pieces.length - 1 ? 1 : 0
    return `\x1b_G${i === 0 ? 'a=T,f=100,q=2,' : ''}m=${more};${piece}\x1b\\`
  }).join('')
}

/** https://iterm2.com/documentation-images.html */
function iterm(png: Buffer): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${png.toString('base64')}\x07`
}

/** Steps of each colour: 216 colours, as many as every terminal with sixels has. */
const steps = 6

/** Bands of six rows; each colour of a band is one line of characters, whose bits are its pixels. */
export function sixel(data: Uint8Array, { width, height, channels }: Record<'width' | 'height' | 'channels', number>) {
  const levelAt = (x: number, y: number, channel: number): number =>
    Math.round(data[(y * width + x) * channels + Math.min(channel, channels - 1)]! / 255 * (steps - 1))
  const colourAt = (x: number, y: number): number =>
    (levelAt(x, y, 0) * steps + levelAt(x, y, 1)) * steps + levelAt(x, y, 2)
  const palette = Array.from({ length: steps ** 3 }, (_, colour) => {
    const parts = [Math.floor(colour / steps ** 2), Math.floor(colour / steps) % steps, colour % steps]
    return `#${colour};2;${parts.map(part => Math.round(part / (steps - 1) * 100)).join(';')}`
  })
  const bands: string[] = []
  for (let top = 0; top < height; top += 6) {
    const columns = new Map<number, Uint8Array>()
    for (let y = top; y < Math.min(height, top + 6); y++) {
      for (let x = 0; x < width; x++) {
        const colour = colourAt(x, y)
        let bits = columns.get(colour)
        if (!bits) columns.set(colour, bits = new Uint8Array(width))
        bits[x]! |= 1 << (y - top)
      }
    }
    bands.push([...columns].map(([colour, bits]) => `#${colour}${runs(bits)}`).join('$'))
  }
  return `\x1bPq"1;1;${width};${height}${palette.join('')}${bands.join('-')}\x1b\\`
}

function runs(bits: Uint8Array): string {
  const text = Array.from(bits, value => String.fromCharCode(63 + value)).join('')
  return text.replace(/(.)\1{3,}/gs, (run, character: string) => `!${run.length}${character}`)
}
