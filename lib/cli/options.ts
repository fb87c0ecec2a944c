/** Options that several commands share. The library checks their values. */
import { type Command, InvalidArgumentError, Option } from 'commander'

import { Clip, type ImageOptions, type LoadOptions, type Rgb, type WeightType, weightTypes } from '../library.js'
import { UsageError } from './failure.js'
import { showProgress } from './progress.js'
import type { Shell } from './shell.js'

/** What a command needs of a model. */
export type Towers = NonNullable<LoadOptions['towers']>

export type HubFlags = Pick<LoadOptions, 'cacheDir' | 'offline'>

/** Options of `Clip.load` that are flags of the same name. */
const loadKeys = ['threads', 'sessions', 'device', 'dtype', 'precision', 'maxBatch', 'maxMemory', 'decode', 'maxPixels',
  'cacheDir', 'offline'] as const
type LoadFlags = Pick<LoadOptions, typeof loadKeys[number]>

export interface ModelFlags extends LoadFlags {
  model?: string
}

/** Options for reading images, besides --decode and --max-pixels, which are the model's. */
export interface PictureFlags {
  orient?: boolean
  background?: Rgb
}

/** Values of --model. */
export const modelForms = 'a .gguf file, the directory of a checkpoint, a name of "ggclip models", or hf:owner/name'

/** Values of --store. */
export const storeForms = 'postgres://user@host/database, lance:folder or lance:s3://bucket/prefix'

/** Of --store: one that outlives its `holder`. */
export function checkLasting(location: string | undefined, holder: 'command' | 'worker'): void {
  if (location !== 'memory:') return
  throw new UsageError(
    `a store in memory would end with the ${holder}: give postgres://user@host/database or lance:folder`,
  )
}

/** Adds --model, --threads, --device and so on; --background and the like for commands that take images. */
export function addModelOptions(command: Command, { images = true } = {}): Command {
  const options = [
    new Option('-m, --model <model>', `${modelForms} (default: the embedded model)`),
    new Option('--threads <n>', 'CPU threads (default: all cores)').argParser(wholeNumber),
    new Option('--sessions <n>', 'batches that run at the same time (default: 1)').argParser(wholeNumber),
    new Option('--max-batch <n>', 'most inputs of one batch; bounds memory (default: 32)').argParser(wholeNumber),
    new Option('--max-memory <size>', 'most memory of the model, such as 200MB (default: no limit)').argParser(
      sizeInBytes,
    ),
    new Option('--device <name>', 'auto, cpu, cuda, metal or vulkan (default: auto)'),
    new Option(
      '--dtype <type>',
      `convert the weights while loading: ${weightTypes.join(', ')} (default: as in the file)`,
    ),
    new Option('--precision <mode>', 'default, fast (coarser arithmetic) or exact (all in f32)'),
  ]
  for (const option of options) command.addOption(option.helpGroup('Model:'))
  addHubOptions(command)
  return images ? addPictureOptions(command) : command
}

function addPictureOptions(command: Command): Command {
  const options = [
    new Option('--decode <mode>', 'auto, or exact: decode every pixel of large images (default: auto)'),
    new Option('--max-pixels <n>', 'refuse larger images (default: 268402689)').argParser(wholeNumber),
    new Option('--no-orient', 'leave the EXIF orientation aside'),
    new Option(
      '--background <colour>',
      "under transparent pixels: r,g,b or #rrggbb (default: the model's, mostly white)",
    ).argParser(colour),
  ]
  for (const option of options) command.addOption(option.helpGroup('Pictures:'))
  return command
}

/** The API's options of calls that read images. */
export function pictureOptions({ orient, background }: PictureFlags): Pick<ImageOptions, 'orient' | 'background'> {
  return { orient, background }
}

/** Adds --cache-dir and --offline. */
export function addHubOptions(command: Command): Command {
  const options = [
    new Option('--cache-dir <folder>', "the hub's cache folder (default: HF_HUB_CACHE, or ~/.cache/huggingface/hub)"),
    new Option('--offline', 'make no requests: a model that is not in the cache fails (default: HF_HUB_OFFLINE)'),
  ]
  for (const option of options) command.addOption(option.helpGroup('Models of the hub:'))
  return command
}

export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON')
}

/** Examples at the end of a command's help: [description, command] each. */
export function addExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const text = examples.map(([purpose, line]) => `  # ${purpose}\n  ${line}`).join('\n')
  return command.addHelpText('after', `\nExamples:\n${text}`)
}

/** Loads the model of the flags, and disposes of it after `use`. */
export async function withModel<R>(
  shell: Shell,
  flags: ModelFlags,
  towers: Towers,
  use: (clip: Clip) => Promise<R>,
): Promise<R> {
  const { model } = flags
  const clip = await Clip.load(model, {
    ...Object.fromEntries(loadKeys.map(key => [key, flags[key]])) as LoadFlags,
    towers,
    onProgress: showProgress(shell, model),
    signal: shell.signal,
  })
  shell.clearStatus()
  try {
    return await use(clip)
  } finally {
    await clip.dispose()
  }
}

/** For numeric options; the library checks ranges. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/** Bytes, or a number with a unit of 1000 (kB, MB, GB) or 1024 (KiB, MiB, GiB). */
export function sizeInBytes(value: string): number {
  const [, number, prefix = '', binary] = /^(\d+(?:\.\d+)?) ?(?:([kmg])(i)?)?b?$/i.exec(value) ?? []
  if (number === undefined) throw new InvalidArgumentError('Expected bytes, or a size such as 200MB.')
  const power = ['', 'k', 'm', 'g'].indexOf(prefix.toLowerCase())
  return Math.round(Number(number) * (binary === undefined ? 1000 : 1024) ** power)
}

/** The library checks ranges here, too. */
function colour(value: string): Rgb {
  const [, ...hex] = /^#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(value) ?? []
  if (hex.length === 3) return hex.map(part => parseInt(part, 16)) as unknown as Rgb
  const parts = value.split(',').map(part => part.trim())
  if (parts.length !== 3 || !parts.every(part => /^\d{1,9}$/.test(part)))
    throw new InvalidArgumentError('Expected r,g,b or #rrggbb.')
  return parts.map(Number) as unknown as Rgb
}

/** For repeatable options. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}

/** The first pattern that matches a tensor counts. */
export function overrides(value: string, earlier: Record<string, WeightType> = {}): Record<string, WeightType> {
  const [, pattern, type] = /^(.+)=([^=]+)$/.exec(value) ?? []
  if (pattern === undefined || type === undefined) throw new InvalidArgumentError('Expected pattern=type.')
  // the first match counts, also for a repeated pattern
  return Object.hasOwn(earlier, pattern) ? earlier : { ...earlier, [pattern]: type as WeightType }
}
