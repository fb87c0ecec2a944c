/** From which similarity on a picture counts as found. */
import type { CallOptions } from '../../types.js'
import { dot } from '../../vectors/similarity.js'
import type { Snapshot } from '../storage/store.js'
import type { IndexModel } from '../types.js'
import { countRows, readRows } from './scan.js'

/** Everyday captions of unlike things: what their similarity with a picture is mostly worth nothing. */
export const captions = ['a photo of a person', 'a dog', 'a city street at night', 'a plate of food', 'a mountain lake',
  'a screenshot of text', 'a red car', 'flowers in a garden', 'a child playing', 'a building', 'an airplane in the sky',
  'a cat on a sofa', 'the sea at sunset', 'a group of friends', 'a piece of clothing', 'a drawing', 'snow',
  'a musical instrument', 'a crowd at a concert', 'an office desk', 'a football match', 'a bird', 'a map', 'a bicycle',
  'a wedding', 'a forest', 'a kitchen', 'a painting', 'a train station', 'a smiling face', 'a toy', 'a bottle']

/** Pictures that are looked at, evenly over the index. */
const sampleSize = 1024
/** Share of unrelated pairs that reach the threshold. */
const chance = 0.01

/** Cosine similarity that one of 100 pairs of a caption of unlike things and a picture of the index exceeds. */
export async function textThreshold(
  clip: IndexModel,
  rows: readonly Float32Array[],
  options: CallOptions,
): Promise<number> {
  const texts = await clip.encodeText(captions, options)
  return upper(rows.flatMap(row => texts.map(text => dot(text, row))))
}

/** The same between the index's own pictures: for queries with a picture. */
export function imageThreshold(rows: readonly Float32Array[]): number {
  // each with the half that is farthest from it in the order of their rows: neighbours are often of one event
  const half = rows.length >> 1
  return upper(
    rows.slice(0, half).flatMap((row, i) =>
      [1, 2, 3, 4].map(step => {
        return dot(row, rows[(i + half + (step - 1) * Math.max(1, half >> 2)) % rows.length]!)
      })
    ),
  )
}

function upper(similarities: number[]): number {
  if (similarities.length === 0) return -1
  similarities.sort((a, b) => a - b)
  return similarities[Math.min(similarities.length - 1, Math.floor((1 - chance) * similarities.length))]!
}

/** About `size` rows, evenly over the index. */
export async function sampleRows(snapshot: Snapshot, size = sampleSize): Promise<Float32Array[]> {
  const { mask } = snapshot
  const total = countRows(snapshot)
  const step = Math.max(1, Math.ceil(total / size))
  const found: Float32Array[] = []
  for (let row = 0; row < total; row += step)
    if (!mask || mask[row] === 1) found.push(await readRows(snapshot, row, 1))
  return found
}
