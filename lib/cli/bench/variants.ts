/** The models to compare: each type with each precision and number of threads. */
import { Clip, type LoadOptions, type WeightType } from '../../library.js'
import { showProgress } from '../progress.js'
import type { Shell } from '../shell.js'
import { counted } from '../table.js'

interface Choices extends Pick<LoadOptions, 'device' | 'cacheDir' | 'offline' | 'towers'> {
  model?: string
  /** undefined: as in the file. */
  types: (WeightType | undefined)[]
  precisions: (LoadOptions['precision'])[]
  threads: (number | undefined)[]
}

export interface Variant {
  name: string
  options: LoadOptions
  clip: Clip
}

/** Loads all of them, so that they can run interleaved. The caller disposes of them. */
export async function loadVariants(shell: Shell, choices: Choices, maxBatch: number): Promise<Variant[]> {
  const { model, types, precisions, threads, device, cacheDir, offline, towers } = choices
  const variants: Variant[] = []
  try {
    for (const dtype of types) {
      for (const precision of precisions) {
        for (const count of threads) {
          const options = { dtype, precision, threads: count, device, cacheDir, offline, towers, maxBatch }
          const clip = await Clip.load(model, {
            ...options,
            signal: shell.signal,
            onProgress: showProgress(shell, model),
          })
          variants.push({ name: variantName(clip, dtype, precision), options, clip })
        }
      }
    }
  } catch (error) {
    await disposeAll(variants)
    throw error
  }
  return variants
}

export async function disposeAll(variants: readonly Variant[]): Promise<void> {
  await Promise.all(variants.map(({ clip }) => clip.dispose()))
}

function variantName({ info }: Clip, dtype: WeightType | undefined, precision: LoadOptions['precision']): string {
  const type = dtype ?? Object.entries(info.types).sort(([, a], [, b]) => b.bytes - a.bytes)[0]?.[0] ?? ''
  const mode = precision === undefined || precision === 'default' ? '' : ` ${precision}`
  return `${type}${mode}, ${counted(info.threads, 'thread')}`
}
