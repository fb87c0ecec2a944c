/** `ggclip quantize`: writes a model with fewer bits, and measures the loss. */
import { type ModelReport, quantize as quantizeModel, type QuantizationReport, type QuantizeOptions, report as reportOn,
  type TowerReport, type WeightType, weightTypes } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addHubOptions, addJsonOption, type HubFlags, overrides, wholeNumber } from '../../options.js'
import { progressLine } from '../../progress.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { byteSize, printable, table } from '../../table.js'

interface Flags extends HubFlags {
  dtype: string
  policy?: QuantizeOptions['policy']
  override?: Record<string, WeightType>
  importance?: string
  report?: boolean
  samples?: string
  threads?: number
  name?: string
  license?: string
  json?: boolean
}

export const quantize: Verb = (program, shell) => {
  const command = program.command('quantize')
    .summary('write a model with fewer bits, and measure the loss')
    .description(`Writes a model to one GGUF file with the given weight type. Below 8 bits
sensitive matrices keep more bits, unless --policy uniform is given;
docs/quantization.md has the rules and measurements.

The file appears only when it is complete and has been opened again; an existing
file is replaced. With several types the output's name must contain {type}.
JSON is { "files": [{ "output", "type", "bytes", "tensors" }], "report" }.`)
    .argument(
      '<source>',
      'a checkpoint\'s directory or file, a .gguf file, a name of "ggclip models", or hf:owner/name',
    )
    .argument('<output>', 'the .gguf file to write; {type} in it stands for the type')
    .option('--dtype <type>', `weight type, or several with commas: ${weightTypes.join(', ')}`, 'q8_0')
    .option('--policy <name>', 'mixed (default) or uniform: every matrix gets the type')
    .option(
      '--override <pattern=type>',
      'another type for tensors with matching names, with * and ? (repeatable)',
      overrides,
    )
    .option(
      '--importance <folder>',
      'weight the columns of matrices by their inputs on images and .txt files like your own',
    )
    .option('--report', 'measure the results against the source: cosine, difference, size, speed')
    .option(
      '--samples <folder>',
      "images and .txt files to measure on (default: the folder of --importance, else ggclip's samples)",
    )
    .option('--threads <n>', 'CPU threads (default: all cores)', wholeNumber)
    .option('--name <text>', 'metadata: the name of the model (default: as the source says)')
    .option('--license <text>', 'metadata: its licence')
    .action((source: string, output: string, flags: Flags) => run(shell, source, output, flags))
  addHubOptions(addJsonOption(command))
  addExamples(command, [
    ['8 bits', 'ggclip quantize clip-vit-base-patch32 clip-q8_0.gguf'],
    ['4 bits, weighted on your own images, with a report',
      'ggclip quantize clip.gguf small.gguf --dtype q4_k --importance photos --report'],
    ['which type to take', "ggclip quantize clip.gguf 'clip-{type}.gguf' --dtype q8_0,q5_0,q4_0 --report"],
  ])
}

async function run(shell: Shell, source: string, output: string, flags: Flags): Promise<void> {
  const { dtype, override, report, samples, json, ...rest } = flags
  const types = dtype.split(',').map(type => type.trim())
  if (types.length > 1 && !output.includes('{type}'))
    throw new UsageError("several types need {type} in the output's name")
  if (samples !== undefined && !report) throw new UsageError('--samples is for --report')
  const files = []
  for (const type of types) {
    const name = output.replaceAll('{type}', type)
    const options = {
      ...rest,
      dtype: type as WeightType,
      overrides: override,
      signal: shell.signal,
      onProgress: progressLine(shell, source, name),
    }
    const { bytes, tensors } = await quantizeModel(source, name, options)
    files.push({ output: name, type, bytes, tensors })
    const counts = Object.entries(tensors).map(([one, count]) => `${count} ${one}`).join(', ')
    shell.note(`wrote ${name}: ${byteSize(bytes)}, tensors: ${counts}`)
  }
  const measured = report ? await measure(shell, source, files.map(file => file.output), flags) : undefined
  if (json) await shell.write(`${JSON.stringify({ files, ...(measured && { report: measured }) })}\n`)
  else if (measured) await writeReport(shell, measured)
}

function measure(shell: Shell, source: string, files: string[], flags: Flags): Promise<QuantizationReport> {
  return reportOn(source, files, {
    samples: flags.samples ?? flags.importance,
    threads: flags.threads,
    cacheDir: flags.cacheDir,
    offline: flags.offline,
    signal: shell.signal,
    onProgress: ({ done, total, item }) =>
      shell.status(item === '' ? '' : `measuring ${done + 1} of ${total}: ${item}`),
  })
}

const reportHead = ['model', 'types', 'size', 'encoder', 'inputs', 'cosine', 'worst', 'max diff', 'ms']

/** The report for people, and for a pipe: one line for each model and encoder. */
async function writeReport(shell: Shell, { models }: QuantizationReport): Promise<void> {
  const rows = models.flatMap(model => [
    ...(model.image ? [cells(model, 'image', model.image, shell.isTerminal)] : []),
    ...(model.text ? [cells(model, 'text', model.text, shell.isTerminal)] : []),
  ])
  if (!shell.isTerminal) {
    for (const row of rows) await shell.write(tabbed(row))
    return
  }
  const lines = table([reportHead.map(shell.paint.bold), ...rows], 'llrlrrrrr')
  await shell.write(`${lines.join('\n')}\n`)
}

function cells(model: ModelReport, encoder: string, tower: TowerReport, forPeople: boolean): string[] {
  const types = Object.entries(model.types).map(([type, count]) => `${count} ${type}`).join(', ')
  return [
    printable(model.model),
    types,
    forPeople ? byteSize(model.bytes) : String(model.bytes),
    encoder,
    String(tower.inputs),
    tower.meanCosine.toFixed(6),
    tower.minCosine.toFixed(6),
    tower.maxDifference.toExponential(1),
    tower.msPerInput.toFixed(2),
  ]
}
