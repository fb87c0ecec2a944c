/** `ggclip inspect`: describes a model file, and why it does not load. */
import { inspect as inspectModel, type Inspection } from '../../../library.js'
import { addExamples, addJsonOption } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { byteSize, printable, table } from '../../table.js'

interface Flags {
  tensors?: boolean
  keys?: boolean
  json?: boolean
}

export const inspect: Verb = (program, shell) => {
  const command = program.command('inspect')
    .summary('describe a model file, and why it does not load')
    .description(`Describes a GGUF, safetensors or PyTorch file or a checkpoint's directory:
family, keys, tensors, types, sizes, missing tensors. No code of a file is run.

The exit status is 0 for a model that loads and 1 for one that does not. JSON is
the API's inspect(), with all keys and tensors.`)
    .argument('<path>', 'a model file, or the directory of a checkpoint')
    .option('--keys', 'list the keys of the file or of the configuration')
    .option('--tensors', 'list the tensors: name, type, shape (rows first), bytes')
    .action((path: string, flags: Flags) => run(shell, path, flags))
  addJsonOption(command)
  addExamples(command, [
    ['why does it not load', 'ggclip inspect model.gguf'],
    ['every tensor', 'ggclip inspect clip-vit-base-patch32 --tensors'],
  ])
}

async function run(shell: Shell, path: string, flags: Flags): Promise<void> {
  const found = await inspectModel(path)
  if (flags.json) await shell.write(`${JSON.stringify(found)}\n`)
  else await print(shell, found, flags)
  if (!found.loadable) shell.exitStatus = 1
}

async function print(shell: Shell, found: Inspection, flags: Flags): Promise<void> {
  await rows(shell, summary(shell, found))
  if (flags.keys) await rows(shell, found.keys.map(({ name, kind, value }) => [name, kind, value]))
  if (flags.tensors) {
    await rows(
      shell,
      found.tensors.map(({ name, type, shape, bytes }) => [name, type, `[${shape.join(', ')}]`, String(bytes)]),
    )
  }
}

function summary(shell: Shell, found: Inspection): string[][] {
  const size = (bytes: number): string => (shell.isTerminal ? byteSize(bytes) : String(bytes))
  const types = Object.entries(found.types).map(([type, { tensors, bytes }]) => `${tensors} ${type} (${size(bytes)})`)
  const { model } = found
  const lines: string[][] = [
    ['family', found.family],
    ['format', found.format],
    ['loads', found.loadable ? 'yes' : found.towers.length > 0 ? `only the ${found.towers[0]} tower` : 'no'],
    ...found.files.map(({ path, bytes }) => ['file', `${path} (${size(bytes)})`]),
    ['tensors', types.join(', ') || 'none'],
  ]
  if (model) {
    lines.push(['embedding', String(model.dim)])
    if (model.vision)
      lines.push(['image encoder',
        `${tower(model.vision)}, ${model.vision.imageSize} pixels in patches of ${model.vision.patchSize}`])
    if (model.text)
      lines.push(['text encoder',
        `${tower(model.text)}, ${model.text.contextLength} tokens of ${model.text.vocabSize}`])
  }
  for (const { code, message } of found.problems.slice(0, 20)) lines.push(['problem', `${message} (${code})`])
  if (found.problems.length > 20) lines.push(['problem', `and ${found.problems.length - 20} more: see --json`])
  if (found.ignored.length > 0)
    lines.push(['not used', found.ignored.slice(0, 8).join(', ') +
      (found.ignored.length > 8 ? `, and ${found.ignored.length - 8} more` : '')])
  return lines
}

function tower(
  { width, layers, heads, activation, pooling }: {
    width: number
    layers: number
    heads: number
    activation: string
    pooling: string
  },
): string {
  return `width ${width}, ${layers} layers, ${heads} heads, ${activation}, pooling ${pooling}`
}

async function rows(shell: Shell, cells: string[][]): Promise<void> {
  if (!shell.isTerminal) {
    for (const row of cells) await shell.write(tabbed(row))
    return
  }
  const painted = cells.map(row =>
    row.map((cell, i) => (i === 0 ? shell.paint.bold(printable(cell)) : printable(cell)))
  )
  for (const line of table(painted, 'llll')) await shell.write(`${line}\n`)
}
