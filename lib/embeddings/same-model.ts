/** Whether the vectors of a folder are of the model that is given. */
import { stat } from 'node:fs/promises'
import path from 'node:path'

import { ClipError, errorCodeOf } from '../errors.js'
import { readImageFile } from '../image/read-bytes.js'
import { probe, sameModel } from '../search/bind-model.js'
import type { IndexModel } from '../search/types.js'
import { cosineSimilarity, dot } from '../vectors/similarity.js'
import { isS3, isUrl, pathOfKey } from '../work/address.js'
import { type FolderFacts, readEmbeddings, type Tower, unitVector } from './read.js'

/** Pictures that are embedded to compare, and rows that are looked at to find them. */
const [picturesCompared, rowsTried] = [8, 256]

/** The local file of a row; undefined for an address, or no path. */
export function fileOf(value: unknown, base: string): string | Buffer | undefined {
  if (typeof value !== 'string' || value === '' || value.includes('\0') || isUrl(value) || isS3(value)) return undefined
  const file = pathOfKey(value)
  return typeof file === 'string' ? path.resolve(base, file) : file
}

/**
 * By the number of values; by what the folder's writer noted of its model; else by pictures that are there, or captions, of
 * which most must get the vectors that they have in the folder. Where none is there, the caller's word is taken.
 *
 * @throws {ClipError} ERR_CLIP_INDEX_MODEL
 */
export async function needSameModel(
  folder: string,
  { dim, note, columns }: FolderFacts,
  { clip, base, tower = 'image', signal }: { clip: IndexModel; base: string; tower?: Tower; signal?: AbortSignal },
): Promise<void> {
  const vector = await clip.encodeImage(probe(), { signal })
  const here = `${clip.info.name || 'this model'} with ${vector.length}`
  if (dim !== vector.length)
    throw otherModel(folder, `have ${dim} values: expected those of ${here}`)
  if (note && note.probe.length === vector.length) {
    if (cosineSimilarity(note.probe, vector) >= sameModel) return
    throw otherModel(folder, `are of another model (${note.model || 'without a name'}) than ${here} values`)
  }
  const column = tower === 'image' ? 'image_path' : 'caption'
  if (!columns.includes(column)) return
  const similarities: number[] = []
  for await (
    const { rows, vectors, columns: { [column]: names } } of readEmbeddings(folder, { columns: [column], tower })
  ) {
    for (let i = 0; i < Math.min(rows, rowsTried) && similarities.length < picturesCompared; i++) {
      const theirs = unitVector(vectors, i, dim)
      const ours = theirs && await (tower === 'image'
        ? embedIfThere(clip, fileOf(names![i], base), signal)
        : embedCaption(clip, names![i], signal))
      if (ours) similarities.push(dot(ours, theirs))
    }
    break
  }
  similarities.sort((a, b) => a - b)
  const middle = similarities[similarities.length >> 1]
  if (middle !== undefined && middle < sameModel) {
    throw otherModel(
      folder,
      `are not of ${here} values: ${
        tower === 'image' ? 'pictures' : 'captions'
      } that it embeds again have a similarity of ${middle.toFixed(2)} with theirs, expected ${sameModel} and more`,
    )
  }
}

async function embedIfThere(
  clip: IndexModel,
  file: string | Buffer | undefined,
  signal: AbortSignal | undefined,
): Promise<Float32Array | undefined> {
  if (file === undefined) return undefined
  try {
    if (!(await stat(file)).isFile()) return undefined
    return await clip.encodeImage(await readImageFile(file, 'image'), { signal })
  } catch (error) {
    if (signal?.aborted || errorCodeOf(error) === 'ERR_CLIP_TOWER_MISSING') throw error
    return undefined
  }
}

async function embedCaption(
  clip: IndexModel,
  caption: unknown,
  signal: AbortSignal | undefined,
): Promise<Float32Array | undefined> {
  return typeof caption === 'string' && caption !== '' ? clip.encodeText(caption, { signal }) : undefined
}

function otherModel(folder: string, how: string): ClipError {
  return new ClipError('ERR_CLIP_INDEX_MODEL', `the vectors in '${folder}' ${how}`)
}
