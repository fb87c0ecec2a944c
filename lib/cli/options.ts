/** The options that commands share, described once. Their values are checked by the library. */
import { type Command, InvalidArgumentError, Option } from 'commander'

import { Clip, type LoadOptions, type WeightType, weightTypes } from '../index.js'
import type { Shell } from './shell.js'

/** What a command needs of a model. */
export type Towers = NonNullable<LoadOptions['towers']>

export interface ModelFlags extends Pick<LoadOptions, 'threads' | 'device' | 'dtype' | 'precision' | 'decode'> {
  model?: string
}

/** Adds --model, --threads, --device and so on; --decode for commands that see pictures. */
export function addModelOptions(command: Command, { images = true } = {}): Command {
  const options = [
    new Option('-m, --model <path>', 'a .gguf file or the directory of a checkpoint (default: the embedded model)'),
    new Option('--threads <n>', 'CPU threads (default: all cores)').argParser(wholeNumber),
    new Option('--device <name>', 'auto, cpu, cuda, metal or vulkan (default: auto)'),
    new Option('--dtype <type>', `convert the weights while loading: ${weightTypes.join(', ')} (default: as in the file)`),
    new Option('--precision <mode>', 'default, fast (coarser arithmetic) or exact (all in f32)'),
  ]
  if (images) {
    options.push(new Option('--decode <mode>', 'auto, or exact: every pixel of large pictures (default: auto)'))
  }
  for (const option of options) command.addOption(option.helpGroup('Model:'))
  return command
}

export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON')
}

/** Examples at the end of a command's help: [what it does, the command] each. */
export function addExamples(command: Command, examples: readonly (readonly [string, string])[]): Command {
  const text = examples.map(([purpose, line]) => `  # ${purpose}\n  ${line}`).join('\n')
  return command.addHelpText('after', `\nExamples:\n${text}`)
}

/** Loads the model that the flags name, and disposes of it when `use` is through. */
export async function withModel<R>(
  shell: Shell, flags: ModelFlags, towers: Towers, use: (clip: Clip) => Promise<R>,
): Promise<R> {
  const { model, threads, device, dtype, precision, decode } = flags
  const clip = await Clip.load(model, { threads, device, dtype, precision, decode, towers, signal: shell.signal })
  try {
    return await use(clip)
  } finally {
    await clip.dispose()
  }
}

/** For options that are numbers; ranges are the library's. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.')
  return Number(value)
}

/** For options that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}

/** The first pattern that fits a tensor counts. */
export function overrides(value: string, earlier: Record<string, WeightType> = {}): Record<string, WeightType> {
  const [, pattern, type] = /^(.+)=([^=]+)$/.exec(value) ?? []
  if (pattern === undefined || type === undefined) throw new InvalidArgumentError('Expected pattern=type.')
  // the first fit counts, also for a pattern given twice
  return Object.hasOwn(earlier, pattern) ? earlier : { ...earlier, [pattern]: type as WeightType }
}
