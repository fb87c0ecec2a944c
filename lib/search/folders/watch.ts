/** An index that follows its folders. */
import { errorCodeOf } from '../../errors.js'
import { checkFunction, checkNumber, checkOptions } from '../../validate.js'
import type { IndexResult, UpdateIndexOptions, WatchIndexOptions } from '../types.js'
import { Changes } from './changes.js'
import { outermost } from './roots.js'
import { updateOptions } from './update.js'

interface Watching {
  settleMs: number
  lookMs: number
  onUnwatched?: (folder: string, error: Error) => void
  signal?: AbortSignal
}

/** What concerns the folders, and what each run is to do. */
export function checkWatch(
  options: WatchIndexOptions | undefined,
): { watching: Watching; updating: UpdateIndexOptions } {
  const { settleMs = 2000, lookMs = 600_000, onUnwatched, ...updating } = checkOptions('options', options, [
    'settleMs',
    'lookMs',
    'onUnwatched',
    ...updateOptions,
  ])
  checkNumber('options.settleMs', settleMs, { min: 1, max: 3_600_000 })
  checkNumber('options.lookMs', lookMs, { min: 1, max: 2 ** 31 - 1 })
  if (onUnwatched !== undefined) checkFunction('options.onUnwatched', onUnwatched)
  return { watching: { settleMs, lookMs, onUnwatched, signal: updating.signal }, updating }
}

/** Runs `update` at once, and whenever something below `roots` has changed and settled. */
export async function* watch(
  folder: string,
  roots: readonly Buffer[],
  { settleMs, lookMs, onUnwatched, signal }: Watching,
  update: () => Promise<IndexResult>,
): AsyncGenerator<IndexResult, void, undefined> {
  // before the first run, so that no change falls between it and the second
  const changes = new Changes(outermost(roots), { ignore: folder, onUnwatched })
  try {
    for (let run = 0;; run++) {
      if (run > 0) await changes.next({ settleMs, lookMs, signal })
      try {
        yield await update()
      } catch (error) {
        if (run === 0 || errorCodeOf(error) !== 'ERR_CLIP_INDEX_BUSY') throw error
        changes.notice()
      }
    }
  } finally {
    changes.close()
  }
}
