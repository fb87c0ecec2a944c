/**
 * How much each column of each matrix matters, measured on samples: the mean square of the column's inputs. A weight's
 * rounding error reaches the output in proportion to its input.
 */
import { throwIfAborted, withAbort } from '../async/abort.js'
import { fromNative } from '../errors.js'
import { decodeImage, defaultMaxPixels } from '../image/image.js'
import { availableCores } from '../cores/cores.js'
import type { ModelLocation } from '../models/model-path.js'
import { canTokenize, modelTokenizer, towerIds } from '../clip/model-tokenizer.js'
import type { NativeModel, NativeMoments } from '../native/contract.js'
import { loadAddon } from '../native/load.js'
import type { Samples } from './samples.js'
import type { ConvertProgress } from './write-model.js'

type Importance = Record<string, Float32Array>

interface Call {
  onProgress: ((progress: ConvertProgress) => void) | undefined
  signal: AbortSignal | undefined
  threads: number
}

/**
 * @param input a model from `locateModel`; it runs unchanged, in plain ggml operations, so that every matrix has f32
 * inputs
 */
export async function measureImportance(input: ModelLocation, samples: Samples, call: Call): Promise<Importance> {
  const { path, tokenizerFolder, processorFolder } = input
  const native = {
    device: 'cpu',
    towers: 'both',
    dtype: '',
    precision: 'exact',
    kernels: 'portable',
    tokenizerFolder,
    processorFolder,
  } as const
  const model = await withAbort(call.signal, () => loadAddon().loadModel(path, native), loaded => loaded.dispose())
  try {
    return await measure(model, samples, tokenizerFolder, call)
  } finally {
    model.dispose()
  }
}

async function measure(
  model: NativeModel,
  samples: Samples,
  tokenizerFolder: string,
  { onProgress, signal, threads }: Call,
): Promise<Importance> {
  const info = model.info()
  const tokenizer = await modelTokenizer(model, info, tokenizerFolder, signal)
  const images = info.vision ? samples.images : []
  const texts = tokenizer !== undefined && canTokenize(text => tokenizer.encode(text)) ? samples.texts : []
  const total = images.length + texts.length
  const session = model.createSession(threads > 0 ? threads : availableCores(), 1)
  const sums = new Sums()
  let done = 0
  const step = (item: string, moments: NativeMoments): void => {
    sums.add(moments)
    onProgress?.({ stage: 'measure', done: ++done, total, item })
  }
  try {
    for (const image of images) {
      throwIfAborted(signal)
      const decoded = await decodeImage(image, { decode: 'exact', maxPixels: defaultMaxPixels, size: 0, signal })
      step(image, await session.imageMoments(decoded).promise.catch(rethrow))
    }
    for (const text of texts) {
      throwIfAborted(signal)
      step(text, await session.textMoments(towerIds(tokenizer!, text, info.text!.seesPadding)).promise.catch(rethrow))
    }
  } finally {
    await session.dispose()
  }
  return sums.means()
}

function rethrow(error: unknown): never {
  throw fromNative(error)
}

class Sums {
  readonly #entries = new Map<string, { sums: Float64Array; rows: number }>()

  add(moments: NativeMoments): void {
    for (const [name, { sums, rows }] of Object.entries(moments)) {
      const entry = this.#entries.get(name) ?? { sums: new Float64Array(sums.length), rows: 0 }
      sums.forEach((sum, i) => {
        entry.sums[i]! += sum
      })
      entry.rows += rows
      this.#entries.set(name, entry)
    }
  }

  /** Without matrices whose inputs were all zero. */
  means(): Importance {
    const means: Importance = {}
    for (const [name, { sums, rows }] of this.#entries) {
      if (sums.some(sum => sum > 0)) means[name] = Float32Array.from(sums, sum => sum / rows)
    }
    return means
  }
}
