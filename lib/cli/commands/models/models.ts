/** `ggclip models`: lists the models that have a short name. */
import { type ModelEntry, models as registry, type ModelTask, suggestModels } from '../../../library.js'
import { Option } from 'commander'

import { addExamples, addJsonOption } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { byteSize, table } from '../../table.js'

interface Flags {
  task?: ModelTask
  json?: boolean
}

const tasks: readonly ModelTask[] = ['best', 'small', 'multilingual', 'dedupe']

export const models: Verb = (program, shell) => {
  const command = program.command('models')
    .summary('list the models that have a short name')
    .description(
      `Lists models of the hub by the names that --model and "ggclip pull" accept: licence, sizes, purpose.

Size: the weights in float32, about the download size. dtype: the recommended weight type for loading on a CPU
(on a GPU f16 is fast; docs/quantization.md says which types are fast on which CPU).
A pipe gets name, hub id, family, licence, parameters, embedding length, image size, context length, ImageNet zero-shot
accuracy in per cent (published), dtype and purpose, separated by tabs; unknown or variable values are empty.
JSON is [{ "name", "id", "copies"?, "family", "towers"?, "parameters", "bytes", "license"?, "terms"?, "dim", "imageSize"?,
"contextLength"?, "imagenet"?, "goodFor", "tasks"?, "dtype" }].`,
    )
    .argument('[filter]', 'only models with this in their name, hub id or purpose')
    .addOption(new Option('--task <name>', 'only the first choices for a task').choices(tasks))
    .action((filter: string | undefined, flags: Flags) => run(shell, filter, flags))
  addJsonOption(command)
  addExamples(command, [
    ['all of them', 'ggclip models'],
    ['first choices for finding near-duplicates', 'ggclip models --task dedupe'],
    ['one family, as JSON', 'ggclip models siglip2 --json'],
  ])
}

async function run(shell: Shell, filter: string | undefined, { task, json }: Flags): Promise<void> {
  const words = (filter ?? '').toLowerCase()
  const found = registry.filter(({ name, id, copies = [], goodFor, tasks: firstChoiceFor = [] }) =>
    [name, id, ...copies, goodFor].some(text => text.toLowerCase().includes(words)) &&
    (task === undefined || firstChoiceFor.includes(task))
  )
  if (json) return shell.write(`${JSON.stringify(found, undefined, 2)}\n`)
  await shell.write(shell.isTerminal ? render(shell, found) : found.map(line).join(''))
  if (found.length === 0) shell.note(nothingFound(filter))
}

/** With the names that were perhaps meant. */
function nothingFound(filter = ''): string {
  const near = suggestModels(filter)
  const nothing = `no model with '${filter}' in its name, hub id or purpose`
  return near.length === 0 ? nothing : `${nothing}; did you mean ${near.map(name => `'${name}'`).join(', ')}?`
}

function line(
  { name, id, family, license, parameters, dim, imageSize, contextLength, imagenet, dtype, goodFor }: Readonly<
    ModelEntry
  >,
): string {
  return tabbed(
    [name, id, family, license, parameters, dim, imageSize, contextLength, imagenet, dtype, goodFor].map(cell =>
      String(cell ?? '')
    ),
  )
}

function render(shell: Shell, found: readonly Readonly<ModelEntry>[]): string {
  if (found.length === 0) return ''
  const { paint } = shell
  const head = ['name', 'size', 'dim', 'pixels', 'ImageNet', 'licence', 'dtype', 'good for'].map(paint.bold)
  const rows = found.map(({ name, bytes, dim, imageSize, imagenet, license, dtype, goodFor }) => [
    paint.green(name),
    byteSize(bytes),
    String(dim),
    String(imageSize ?? 'any'),
    imagenet === undefined ? '' : `${imagenet.toFixed(1)} %`,
    license ?? 'not stated',
    dtype,
    paint.dim(goodFor),
  ])
  return `${table([head, ...rows], 'lrrrrlll').join('\n')}\n`
}
