/** Files of an index that show the same. */
import { checkFunction, checkNumber, checkOneOf, checkOptions, checkSignal } from '../../validate.js'
import { describe } from '../queries/describe.js'
import type { Store } from '../storage/store.js'
import type { DuplicateGroup, DuplicatesOptions } from '../types.js'
import { groups, type KeepRule, keepRules, similarPairs } from './duplicates.js'

interface Checked extends Pick<DuplicatesOptions, 'signal' | 'onProgress'> {
  minSimilarity: number
  keep: KeepRule
}

export function checkDuplicates(options: DuplicatesOptions | undefined): Checked {
  const { minSimilarity = 0.96, keep = 'largest', signal, onProgress } = checkOptions('options', options, [
    'minSimilarity',
    'keep',
    'signal',
    'onProgress',
  ])
  checkNumber('options.minSimilarity', minSimilarity, { min: 0, max: 1 })
  checkOneOf('options.keep', keep, keepRules)
  if (onProgress !== undefined) checkFunction('options.onProgress', onProgress)
  checkSignal('options.signal', signal)
  return { minSimilarity, keep, signal, onProgress }
}

export async function findDuplicates(
  store: Store,
  { minSimilarity, keep, ...run }: Checked,
): Promise<DuplicateGroup[]> {
  const found = await store.readAfter(
    async () => similarPairs(await store.snapshot(), minSimilarity, run),
    pairs => groups(store.catalog.allFiles(), pairs, keep),
  )
  return found.map(({ keep: kept, others }) => ({
    keep: { ...describe(kept), similarity: 1, identical: true },
    others: others.map(({ file, score }) => ({
      ...describe(file),
      similarity: Math.min(1, score), // halves may be a little longer than 1
      identical: file.row === kept.row,
    })),
  }))
}
