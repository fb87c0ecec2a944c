/** The options of {@link Clip.load}: defaults, then checks. */
import { divideCores, mostSessions, type Work } from '../cores/cores.js'
import { defaultMaxDecodeMs, defaultMaxPixels } from '../image/image.js'
import { checkHubOptions } from '../models/hub-settings.js'
import { type LoadOptions, weightTypes } from '../types.js'
import { checkBoolean, checkFunction, checkInteger, checkNumber, checkOneOf, checkOptions } from '../validate.js'

const keys = [
  'device',
  'threads',
  'sessions',
  'towers',
  'dtype',
  'precision',
  'maxBatch',
  'maxMemory',
  'maxWaitMs',
  'maxQueue',
  'signal',
  'decode',
  'maxPixels',
  'maxDecodeMs',
  'svg',
  'cacheDir',
  'offline',
  'onProgress',
  'onTrace',
] as const

/** Every option with its value. */
export type LoadSettings = ReturnType<typeof checkLoadOptions>

function checkWork(given: Partial<Work>): Work {
  const { sessions, threads } = divideCores(given)
  return {
    sessions: checkInteger('sessions', sessions, { min: 1, max: mostSessions }),
    threads: checkInteger('threads', threads, { min: 1, max: 512 }),
  }
}

/** @throws {TypeError|RangeError} for an unknown option or a bad value */
export function checkLoadOptions(options: LoadOptions | undefined) {
  const {
    device = 'auto',
    sessions: givenSessions,
    threads: givenThreads,
    towers = 'both',
    dtype,
    precision = 'default',
    maxBatch = 32,
    maxMemory,
    maxWaitMs = 0,
    maxQueue = 1024,
    decode = 'auto',
    maxPixels = defaultMaxPixels,
    maxDecodeMs = defaultMaxDecodeMs,
    svg = true,
    onTrace,
    ...hub
  } = checkOptions('options', options, keys)
  return {
    device: checkOneOf('device', device, ['auto', 'cpu', 'cuda', 'metal', 'vulkan']),
    cpu: checkWork({ sessions: givenSessions, threads: givenThreads }),
    // a GPU computes one batch at a time, however many cores there are
    gpu: checkWork({ sessions: givenSessions ?? 1, threads: givenThreads }),
    towers: checkOneOf('towers', towers, ['both', 'image', 'text']),
    dtype: dtype === undefined ? undefined : checkOneOf('dtype', dtype, weightTypes),
    precision: checkOneOf('precision', precision, ['default', 'fast', 'exact']),
    maxBatch: checkInteger('maxBatch', maxBatch, { min: 1, max: 1024 }),
    maxMemory: maxMemory === undefined ? undefined : checkInteger('maxMemory', maxMemory, { min: 1 }),
    maxWaitMs: checkNumber('maxWaitMs', maxWaitMs, { min: 0, max: 60_000 }),
    maxQueue: checkInteger('maxQueue', maxQueue, { min: 1 }),
    decode: checkOneOf('decode', decode, ['auto', 'exact']),
    maxPixels: checkInteger('maxPixels', maxPixels, { min: 1 }),
    maxDecodeMs: checkInteger('maxDecodeMs', maxDecodeMs, { min: 1, max: 2 ** 31 - 1 }),
    svg: checkBoolean('svg', svg),
    onTrace: onTrace === undefined ? undefined : checkFunction('onTrace', onTrace),
    ...checkHubOptions(hub),
  }
}
