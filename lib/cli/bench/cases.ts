/** The measurements, one function each. */
import type { Clip } from '../../library.js'
import { cosineSimilarity } from '../../library.js'
import { makeJpeg } from './picture.js'
import type { Case } from './report.js'
import { type Side, timeSides } from './rounds.js'
import type { Variant } from './variants.js'

export interface Bench {
  variants: readonly Variant[]
  rounds: number
  signal: AbortSignal
  /** Progress. */
  progress(text: string): void
  /** Called with each case once it is done. */
  add(result: Case): Promise<void>
}

export type Inputs = { tensor: Float32Array; width?: number; height?: number }

/** A different text each time, of the same length: a repeated one would come from the cache. */
export function textSource(): (count: number) => string[] {
  let number = 0
  return count => Array.from({ length: count }, () => `a photo of item ${[...String(1e6 + number++)].join(' ')}`)
}

/** The towers alone: preprocessed images and short texts, in batches. */
export async function timeTowers(
  bench: Bench,
  batches: readonly number[],
  tensor: Float32Array | undefined,
  texts: boolean,
  exact: Clip | undefined,
): Promise<void> {
  const { variants, signal } = bench
  const nextTexts = textSource()
  const sample = nextTexts(1)[0]!
  for (const batch of batches) {
    if (tensor) {
      const images = new Array<Inputs>(batch).fill({ tensor })
      const cosines = await cosinesTo(exact, variants, clip => clip.encodeImage({ tensor }, { signal }))
      const sides = variants.map(({ name, clip }, i): Side => ({
        name,
        inputs: batch,
        run: () => clip.encodeImage(images, { signal }),
        cosine: cosines[i],
      }))
      await bench.add({
        name: `image, batch ${batch}`,
        unit: 'ms',
        rows: await timeSides(sides, bench.rounds, signal, bench.progress),
      })
    }
    if (texts) {
      const cosines = await cosinesTo(exact, variants, clip => clip.encodeText(sample, { signal }))
      const sides = variants.map(({ name, clip }, i): Side => ({
        name,
        inputs: batch,
        run: () => clip.encodeText(nextTexts(batch), { signal }),
        cosine: cosines[i],
      }))
      await bench.add({
        name: `text, batch ${batch}`,
        unit: 'ms',
        rows: await timeSides(sides, bench.rounds, signal, bench.progress),
      })
    }
  }
}

async function cosinesTo(
  exact: Clip | undefined,
  variants: readonly Variant[],
  embed: (clip: Clip) => Promise<Float32Array>,
): Promise<(number | undefined)[]> {
  if (!exact) return variants.map(() => undefined)
  const wanted = await embed(exact)
  return Promise.all(variants.map(async ({ clip }) => cosineSimilarity(await embed(clip), wanted)))
}

/** From the bytes of a JPEG to the embedding, one at a time. */
export async function timePictures(bench: Bench, sizes: readonly (readonly [number, number])[]): Promise<void> {
  const { variants, signal } = bench
  for (const [width, height] of sizes) {
    bench.progress(`making an image of ${width} x ${height}`)
    const bytes = await makeJpeg(width, height)
    const sides = variants.flatMap(({ name, clip }): Side[] => [
      { name, inputs: 1, run: () => clip.encodeImage(bytes, { signal }) },
      { name: `${name}, decode exact`, inputs: 1, run: () => clip.encodeImage(bytes, { decode: 'exact', signal }) },
    ])
    const rows = await timeSides(sides, bench.rounds, signal, bench.progress)
    await bench.add({
      name: `JPEG of ${width} x ${height} (${(bytes.length / 1e6).toFixed(2)} MB) to embedding`,
      unit: 'ms',
      rows,
    })
  }
}

/** Concurrent single calls against batches made by the caller. */
export async function timeConcurrency(bench: Bench, calls: number, tensor: Float32Array | undefined): Promise<void> {
  const { signal } = bench
  const nextTexts = textSource()
  const half = Math.ceil(calls / 2)
  for (const { name, clip } of bench.variants) {
    const one = (
      text: string | undefined,
    ) => (tensor ? clip.encodeImage({ tensor }, { signal }) : clip.encodeText(text!, { signal }))
    const many = async (count: number) => (
      tensor
        ? clip.encodeImage(new Array<Inputs>(count).fill({ tensor }), { signal })
        : clip.encodeText(nextTexts(count), { signal })
    )
    const sides: Side[] = [
      {
        name: `batches of ${half}`,
        inputs: calls,
        run: async () => {
          await many(half)
          await many(calls - half)
        },
      },
      { name: `${calls} single calls at once`, inputs: calls, run: () => Promise.all(nextTexts(calls).map(one)) },
    ]
    const rows = await timeSides(sides, bench.rounds, signal, bench.progress)
    await bench.add({ name: `${calls} ${tensor ? 'images' : 'texts'}, each, ${name}`, unit: 'ms', rows })
  }
}
