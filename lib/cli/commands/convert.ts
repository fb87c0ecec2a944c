/** `ggclip convert`: any model that ggclip opens, into one GGUF file. */
import { InvalidArgumentError } from 'commander'

import { convert as convertModel, type WeightType, weightTypes } from '../../index.js'
import { addExamples, addJsonOption } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'
import { byteSize } from '../table.js'

interface Flags {
  dtype?: WeightType
  override?: Record<string, WeightType>
  name?: string
  license?: string
  source?: string
  revision?: string
  json?: boolean
}

export const convert: Verb = (program, shell) => {
  const command = program.command('convert')
    .summary('write a model to one GGUF file')
    .description(`Writes a checkpoint, or a GGUF file, to one GGUF file with its tokenizer, quantised if asked.

The file appears when it is complete; one that was there is replaced.
JSON is { "output", "bytes", "tensors": { type: count } }.`)
    .argument('<source>', 'the directory of a checkpoint, or a .gguf file')
    .argument('<output>', 'the .gguf file to write')
    .option('--dtype <type>', `weight type: ${weightTypes.join(', ')} (default: as it is)`)
    .option('--override <pattern=type>', 'another type for tensors of that name, with * and ? (repeatable)', overrides)
    .option('--name <text>', 'metadata: the name of the model (default: what the source says)')
    .option('--license <text>', 'metadata: its licence')
    .option('--source <text>', 'metadata: where the weights come from')
    .option('--revision <text>', 'metadata: which version of it')
    .action((source: string, output: string, flags: Flags) => run(shell, source, output, flags))
  addJsonOption(command)
  addExamples(command, [
    ['quantise a checkpoint', 'ggclip convert clip-vit-base-patch32 clip.gguf --dtype q8_0'],
    ['the token table in f16', "ggclip convert clip.gguf small.gguf --dtype q4_0 --override '*token_embd*=f16'"],
  ])
}

async function run(shell: Shell, source: string, output: string, flags: Flags): Promise<void> {
  const { override, json, ...metadata } = flags
  const options = { ...metadata, overrides: override, signal: shell.signal }
  const { bytes, tensors } = await convertModel(source, output, options)
  if (json) await shell.write(`${JSON.stringify({ output, bytes, tensors })}\n`)
  const counts = Object.entries(tensors).map(([type, count]) => `${count} ${type}`).join(', ')
  shell.note(`wrote ${output}: ${byteSize(bytes)}, tensors: ${counts}`)
}

/** The first pattern that fits a tensor counts. */
function overrides(value: string, earlier: Record<string, WeightType> = {}): Record<string, WeightType> {
  const [, pattern, type] = /^(.+)=([^=]+)$/.exec(value) ?? []
  if (pattern === undefined || type === undefined) throw new InvalidArgumentError('Expected pattern=type.')
  // the first fit counts, also for a pattern given twice
  return Object.hasOwn(earlier, pattern) ? earlier : { ...earlier, [pattern]: type as WeightType }
}
