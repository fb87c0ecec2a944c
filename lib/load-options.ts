/** The options of {@link Clip.load}: defaults, then checks. */
import { availableCores } from './cores.js'
import { defaultMaxPixels } from './image.js'
import { type LoadOptions, weightTypes } from './types.js'
import { checkFunction, checkInteger, checkNumber, checkOneOf, checkOptions, checkSignal } from './validate.js'

const keys = [
  'device', 'threads', 'sessions', 'towers', 'dtype', 'precision', 'maxBatch', 'maxWaitMs', 'maxQueue', 'signal', 'decode',
  'maxPixels', 'onTrace',
] as const

/** Every option with its value. */
export type LoadSettings = ReturnType<typeof checkLoadOptions>

/** @throws {TypeError|RangeError} for an unknown option or a bad value */
export function checkLoadOptions(options: LoadOptions | undefined) {
  const given = checkOptions('options', options, keys)
  const sessions = checkInteger('sessions', given.sessions ?? 1, { min: 1, max: 64 })
  return {
    device: checkOneOf('device', given.device ?? 'auto', ['auto', 'cpu', 'cuda', 'metal', 'vulkan']),
    sessions,
    threads: checkInteger('threads', given.threads ?? defaultThreads(sessions), { min: 1, max: 512 }),
    towers: checkOneOf('towers', given.towers ?? 'both', ['both', 'image', 'text']),
    dtype: given.dtype === undefined ? undefined : checkOneOf('dtype', given.dtype, weightTypes),
    precision: checkOneOf('precision', given.precision ?? 'default', ['default', 'fast', 'exact']),
    maxBatch: checkInteger('maxBatch', given.maxBatch ?? 32, { min: 1, max: 1024 }),
    maxWaitMs: checkNumber('maxWaitMs', given.maxWaitMs ?? 0, { min: 0, max: 60_000 }),
    maxQueue: checkInteger('maxQueue', given.maxQueue ?? 1024, { min: 1 }),
    signal: checkSignal('signal', given.signal),
    decode: checkOneOf('decode', given.decode ?? 'auto', ['auto', 'exact']),
    maxPixels: checkInteger('maxPixels', given.maxPixels ?? defaultMaxPixels, { min: 1 }),
    onTrace: given.onTrace === undefined ? undefined : checkFunction('onTrace', given.onTrace),
  }
}

function defaultThreads(sessions: number): number {
  return Math.max(1, Math.floor(availableCores() / sessions))
}
