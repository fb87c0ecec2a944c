/** `ggclip convert`: writes any model that ggclip opens to one GGUF file. */
import { convert as convertModel, type WeightType, weightTypes } from '../../../library.js'
import { addExamples, addHubOptions, addJsonOption, type HubFlags, overrides, wholeNumber } from '../../options.js'
import { progressLine } from '../../progress.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { byteSize } from '../../table.js'

interface Flags extends HubFlags {
  dtype?: WeightType
  override?: Record<string, WeightType>
  name?: string
  license?: string
  source?: string
  revision?: string
  threads?: number
  json?: boolean
}

export const convert: Verb = (program, shell) => {
  const command = program.command('convert')
    .summary('write a model to one GGUF file')
    .description(`Writes a checkpoint, or a GGUF file, to one GGUF file with its tokenizer, quantised if asked.

The file appears only when it is complete and has been opened again; an existing file is replaced.
JSON is { "output", "bytes", "tensors": { type: count } }.`)
    .argument(
      '<source>',
      'a checkpoint\'s directory or file, a .gguf file, a name of "ggclip models", or hf:owner/name',
    )
    .argument('<output>', 'the .gguf file to write')
    .option('--dtype <type>', `weight type: ${weightTypes.join(', ')} (default: as it is)`)
    .option(
      '--override <pattern=type>',
      'another type for tensors with matching names, with * and ? (repeatable)',
      overrides,
    )
    .option('--threads <n>', 'CPU threads (default: all cores)', wholeNumber)
    .option('--name <text>', 'metadata: the name of the model (default: as the source says)')
    .option('--license <text>', 'metadata: its licence')
    .option('--source <text>', 'metadata: origin of the weights')
    .option('--revision <text>', 'metadata: version of the source')
    .action((source: string, output: string, flags: Flags) => run(shell, source, output, flags))
  addHubOptions(addJsonOption(command))
  addExamples(command, [
    ['a model of the hub, quantised', 'ggclip convert clip-vit-b-32 clip.gguf --dtype q8_0'],
    ['quantise a checkpoint', 'ggclip convert clip-vit-base-patch32 clip.gguf --dtype q8_0'],
    ['the token table in f16', "ggclip convert clip.gguf small.gguf --dtype q4_0 --override '*token_embd*=f16'"],
  ])
}

async function run(shell: Shell, source: string, output: string, flags: Flags): Promise<void> {
  const { override, json, ...metadata } = flags
  const options = {
    ...metadata,
    overrides: override,
    signal: shell.signal,
    onProgress: progressLine(shell, source, output),
  }
  const { bytes, tensors } = await convertModel(source, output, options)
  if (json) await shell.write(`${JSON.stringify({ output, bytes, tensors })}\n`)
  const counts = Object.entries(tensors).map(([type, count]) => `${count} ${type}`).join(', ')
  shell.note(`wrote ${output}: ${byteSize(bytes)}, tensors: ${counts}`)
}
