/** One part after another of what an index has, or of what a search finds, while it changes. */
import { outOfRange } from '../../errors.js'
import { checkNumber, checkOptions, checkString } from '../../validate.js'
import type { FileOfPicture } from '../storage/catalog.js'
import type { Store } from '../storage/store.js'
import type { IndexModel, IndexPage, IndexPageOptions, PagedFile } from '../types.js'
import { describe } from './describe.js'
import { aim, checkFind, type CheckedFind, filesInSteps, hitsOf } from './find.js'
import { type QueryPart, queryVector } from './query.js'
import { nearest, pairsAbove } from './scan.js'

type After = Pick<PagedFile, 'path' | 'pathBytes' | 'hash' | 'similarity'>

export interface CheckedPage extends CheckedFind {
  after: After | undefined
}

/** @param ranked whether there is a query, by which the files have similarities */
export function checkPage(options: IndexPageOptions | undefined, ranked: boolean): CheckedPage {
  const { after, ...find } = options ?? {}
  const checked = checkFind(find)
  if (after === undefined) return { ...checked, after }
  const given = checkOptions('options.after', after, ['path', 'pathBytes', 'hash', 'similarity', 'copies', 'size',
    'modified', 'taken', 'camera', 'place'])
  checkString('options.after.path', given.path)
  if (!/^[\da-f]{64}$/.test(checkString('options.after.hash', given.hash)))
    throw outOfRange('options.after.hash', '64 hexadecimal digits', given.hash)
  if (ranked) checkNumber('options.after.similarity', given.similarity!)
  return { ...checked, after: given as After }
}

/** By similarity. Where the next page begins is a place in this order, not a number: what is new moves nothing. */
export async function pageOfHits(
  store: Store,
  clip: IndexModel,
  parts: readonly QueryPart[],
  checked: CheckedPage,
): Promise<IndexPage> {
  const { k, accepts, after, call: { signal } } = checked
  const vector = await queryVector(clip, parts, checked.call)
  return store.readAfter(async () => {
    const { snapshot, minScore } = await aim(store, clip, parts, vector, checked)
    const countFrom = async (score: number): Promise<number> =>
      (await pairsAbove(snapshot, vector, score, { from: 0, signal })).rows.length
    const total = minScore === undefined ? snapshot.pictures : await countFrom(minScore)
    if (after === undefined) return { total, found: await nearest(snapshot, vector, k + 1, { minScore, signal }) }
    const last = after.similarity!
    // of a picture that was forgotten since: those of the same similarity come again
    const lastRow = store.catalog.pictureAt(Buffer.from(after.hash, 'hex'))?.row ?? -1
    const best = await nearest(snapshot, vector, await countFrom(last) + k + 1, { minScore, signal })
    return { total, found: best.filter(({ row, score }) => score < last || (score === last && row > lastRow)) }
  }, ({ total, found }) => ({
    files: hitsOf(store.catalog, found.slice(0, k), { accepts }),
    total,
    more: found.length > k,
  }))
}

/** By path. */
export async function pageOfFiles(
  { catalog }: Store,
  { k, accepts, after, call: { signal } }: CheckedPage,
): Promise<IndexPage> {
  const last = after && (after.pathBytes ?? Buffer.from(after.path))
  const files: FileOfPicture[] = []
  let total = 0
  // those before are looked at only to count what the filter accepts
  for await (const file of filesInSteps(catalog, signal, accepts ? undefined : last)) {
    if (accepts?.(file) === false) continue
    total++
    if (files.length <= k && !(last && Buffer.compare(file.path, last) <= 0)) files.push(file)
    if (!accepts && files.length > k) break
  }
  return {
    files: files.slice(0, k).map(describe),
    total: accepts ? total : catalog.counts().files,
    more: files.length > k,
  }
}
