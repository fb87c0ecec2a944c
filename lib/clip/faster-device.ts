/** `device: 'auto'`: where there is a GPU, it is measured against the CPU. */
import { throwIfAborted, withAbort } from '../async/abort.js'
import type { Work } from '../cores/cores.js'
import { errorCodeOf } from '../errors.js'
import { isFiniteVector } from '../vectors/finite.js'
import type { NativeImage, NativeModel, NativeModelInfo, NativeSession, NativeTask } from '../native/contract.js'

/** Inputs of a measured batch: enough for a GPU to have work, few enough for a large model on a CPU. */
const batch = 4

export interface Measurement {
  /** Loads the model on the first GPU ('auto'), or on the CPU. */
  load(device: 'auto' | 'cpu'): Promise<NativeModel>
  /** Everything that changes which device is faster. */
  key: string
  cpu: Work
  gpu: Work
  signal: AbortSignal | undefined
}

export interface Chosen {
  model: NativeModel
  /** Why this device. */
  reason: string
}

interface Verdict {
  device: 'auto' | 'cpu'
  reason: string
}

/** What was measured in this process: it is never repeated, so that a model stays on its device. */
const verdicts = new Map<string, Promise<Verdict>>()

/**
 * Loads the model on the faster device. Without a GPU nothing is measured. With one, the first load of a model in this
 * process loads it on both and times a batch of pictures (or texts, for a text encoder alone) on each; later ones know
 * the result. A GPU that has too little memory, or fails, has lost.
 */
export async function loadOnFaster(measurement: Measurement): Promise<Chosen> {
  const { load, key, signal } = measurement
  const known = await verdicts.get(key)?.catch(() => undefined)
  throwIfAborted(signal)
  if (known) return { model: await load(known.device), reason: known.reason }

  const result = measure(measurement)
  const verdict = result.then(({ device, reason }) => ({ device, reason }))
  verdicts.set(key, verdict)
  verdict.catch(() => verdicts.delete(key)) // whoever waits for it measures again
  return result
}

async function measure({ load, cpu, gpu, signal }: Measurement): Promise<Chosen & Verdict> {
  const first = await load('auto').catch((error: unknown) => {
    throwIfAborted(signal)
    if (errorCodeOf(error) !== 'ERR_CLIP_OUT_OF_MEMORY') throw error
    return error as Error
  })
  if (first instanceof Error) {
    return { model: await load('cpu'), device: 'cpu', reason: `auto: not enough memory elsewhere: ${first.message}` }
  }
  if (computesOnCpu(first.info())) return { model: first, device: 'auto', reason: 'auto: the only device' }

  let second: NativeModel | undefined
  try {
    const onGpu = await timed(first, gpu.threads, signal)
    second = await load('cpu')
    const onCpus = await timed(second, cpu.threads, signal)
    const cpuTime = { ...onCpus, ms: onCpus.ms / cpu.sessions }
    const reason = `auto: ${first.info().device} takes ${said(onGpu)}, the CPU ${said(cpuTime)}`
    if (onGpu.ms < cpuTime.ms) {
      second.dispose()
      return { model: first, device: 'auto', reason }
    }
    first.dispose()
    return { model: second, device: 'cpu', reason }
  } catch (error) {
    first.dispose()
    second?.dispose()
    throw error
  }
}

export function computesOnCpu({ device, devices }: NativeModelInfo): boolean {
  return devices.find(({ name }) => name === device)?.kind === 'cpu'
}

interface Time {
  /** Of one input. */
  ms: number
  of: 'image' | 'text'
  problem?: string
}

function said({ ms, of, problem }: Time): string {
  return problem === undefined ? `${Number(ms.toPrecision(2))} ms an ${of}`.replace('an text', 'a text') : problem
}

/** The better of two batches after one that is not counted, in which a GPU compiles its programs. */
async function timed(model: NativeModel, threads: number, signal: AbortSignal | undefined): Promise<Time> {
  const { vision } = model.info()
  const of = vision ? 'image' : 'text'
  let session: NativeSession | undefined
  try {
    session = model.createSession(threads, batch)
    const start = batchOf(model, session)
    let ms = Infinity
    for (let run = 0; run < 3; run++) {
      const began = performance.now()
      const embeddings = await withAbort(signal, start)
      if (!isFiniteVector(embeddings)) return { ms: Infinity, of, problem: 'computes no finite numbers' }
      if (run > 0) ms = Math.min(ms, (performance.now() - began) / batch)
    }
    return { ms, of }
  } catch (error) {
    throwIfAborted(signal)
    return { ms: Infinity, of, problem: `fails (${(error as Error).message})` }
  } finally {
    await session?.dispose()
  }
}

function batchOf(model: NativeModel, session: NativeSession): () => NativeTask<Float32Array> {
  const { vision, text } = model.info()
  if (vision) {
    const tensor = Float32Array.from({ length: vision.channels * vision.imageSize ** 2 }, (_, i) => (i % 255) / 128 - 1)
    return () => session.encodeImages(new Array<NativeImage>(batch).fill({ tensor }), null)
  }
  const length = Math.min(text!.contextLength, 16)
  const ids = Int32Array.from(
    { length: batch * length },
    (_, i) => i % length === length - 1 ? Math.max(text!.eosId, 0) : 1,
  )
  return () => session.encodeTexts(ids, new Int32Array(batch).fill(length))
}
