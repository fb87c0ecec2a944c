/** Captions of pictures, and their vectors beside the pictures' own: `text_emb` of clip-retrieval's layout. */
import { ClipError, invalidArgument } from '../errors.js'
import { probe, sameModel } from '../search/bind-model.js'
import { toHalves } from '../search/storage/half.js'
import type { IndexModel } from '../search/types.js'
import { cosineSimilarity, normalize } from '../vectors/similarity.js'
import type { ModelNote, OutputRow } from './write.js'

/** Rows whose captions are embedded at a time. */
const rowsPerCall = 256

/** A row whose caption is not embedded yet. */
export interface CaptionedRow extends OutputRow {
  caption: string | undefined
}

export function checkCaptionModel(name: string, clip: unknown): IndexModel {
  if (typeof (clip as IndexModel | undefined)?.encodeText !== 'function') throw invalidArgument(name, 'a Clip', clip)
  return clip as IndexModel
}

/** @throws {ClipError} ERR_CLIP_INDEX_MODEL: the pictures' vectors are of another model, as far as it is known */
export async function needCaptionModel(clip: IndexModel, dim: number, note: ModelNote): Promise<void> {
  const here = `${clip.info.name || 'this model'} with ${clip.info.dim}`
  if (clip.info.dim === dim) {
    if (note.probe.length !== dim || cosineSimilarity(note.probe, await clip.encodeImage(probe())) >= sameModel) return
  }
  throw new ClipError(
    'ERR_CLIP_INDEX_MODEL',
    `expected the pictures' model (${note.model || 'without a name'} with ${dim} values) for captions, not ${here}`,
  )
}

/** The rows with the vectors of their captions; those without a caption get none. */
export async function* withCaptions(
  rows: Iterable<CaptionedRow> | AsyncIterable<CaptionedRow>,
  clip: IndexModel,
  signal: AbortSignal | undefined,
): AsyncGenerator<OutputRow, void, undefined> {
  let waiting: CaptionedRow[] = []
  const embedded = async (): Promise<OutputRow[]> => {
    const some = waiting.filter(({ caption }) => caption !== undefined)
    const vectors = some.length === 0 ? [] : await clip.encodeText(some.map(({ caption }) => caption!), { signal })
    const halves = new Map(some.map((row, i) => [row, toHalves(normalize(vectors[i]!))]))
    const done = waiting.map(row => ({ ...row, textHalves: halves.get(row) }))
    waiting = []
    return done
  }
  for await (const row of rows) {
    waiting.push(row)
    if (waiting.length === rowsPerCall) yield* await embedded()
  }
  yield* await embedded()
}
