/** The options that commands share, described once. Their values are checked by the library. */
import { type Command, InvalidArgumentError, Option } from 'commander'

import { Clip, type LoadOptions, weightTypes } from '../index.js'
import { showProgress } from './pull-progress.js'
import type { Shell } from './shell.js'

/** What a command needs of a model. */
export type Towers = NonNullable<LoadOptions['towers']>

export type HubFlags = Pick<LoadOptions, 'cacheDir' | 'offline'>

export interface ModelFlags extends HubFlags, Pick<LoadOptions, 'threads' | 'device' | 'dtype' | 'precision' | 'decode'> {
  model?: string
}

/** What --model takes. */
export const modelForms = 'a .gguf file, the directory of a checkpoint, a name of "ggclip models", or hf:owner/name'

/** Adds --model, --threads, --device and so on; --decode for commands that see pictures. */
export function addModelOptions(command: Command, { images = true } = {}): Command {
  const options = [
    new Option('-m, --model <model>', `${modelForms} (default: the embedded model)`),
    new Option('--threads <n>', 'CPU threads (default: all cores)').argParser(wholeNumber),
    new Option('--device <name>', 'auto, cpu, cuda, metal or vulkan (default: auto)'),
    new Option('--dtype <type>', `convert the weights while loading: ${weightTypes.join(', ')} (default: as in the file)`),
    new Option('--precision <mode>', 'default, fast (coarser arithmetic) or exact (all in f32)'),
  ]
  if (images) {
    options.push(new Option('--decode <mode>', 'auto, or exact: every pixel of large pictures (default: auto)'))
  }
  for (const option of options) command.addOption(option.helpGroup('Model:'))
  return addHubOptions(command)
}

/** Adds --cache-dir and --offline. */
export function addHubOptions(command: Command): Command {
  const options = [
    new Option('--cache-dir <folder>', "the hub's cache folder (default: HF_HUB_CACHE, or ~/.cache/huggingface/hub)"),
    new Option('--offline', 'ask no server: what is not in the cache fails (default: HF_HUB_OFFLINE)'),
  ]
  for (const option of options) command.addOption(option.helpGroup('Models of the hub:'))
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
  const { model, threads, device, dtype, precision, decode, cacheDir, offline } = flags
  const clip = await Clip.load(model, {
    threads, device, dtype, precision, decode, cacheDir, offline, towers, onProgress: showProgress(shell), signal: shell.signal,
  })
  shell.clearStatus()
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
