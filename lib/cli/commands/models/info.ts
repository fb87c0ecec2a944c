/** `ggclip info`: describes a model. */
import type { ClipInfo } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { addExamples, addJsonOption, addModelOptions, modelForms, type ModelFlags, withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { tabbed } from '../../stdout.js'
import { byteSize, printable, table } from '../../table.js'

interface Flags extends ModelFlags {
  json?: boolean
}

export const info: Verb = (program, shell) => {
  const command = program.command('info')
    .summary('describe a model')
    .description(`Loads a model and describes it: sizes, weight types, device, licence, source.

A pipe gets one line per property: name and value, separated by a tab. JSON is the library's clip.info.`)
    .argument('[model]', `${modelForms} (default: the embedded model)`)
    .action((model: string | undefined, flags: Flags) => run(shell, model, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['the embedded model', 'ggclip info'],
    ['another one, as JSON', 'ggclip info model.gguf --json'],
  ])
}

async function run(shell: Shell, model: string | undefined, flags: Flags): Promise<void> {
  if (model !== undefined && flags.model !== undefined) {
    throw new UsageError('give the model only once: as the argument or with --model')
  }
  await withModel(shell, { ...flags, model: model ?? flags.model }, 'both', clip => (
    shell.write(flags.json ? `${JSON.stringify(clip.info, undefined, 2)}\n` : render(shell, clip.info))
  ))
}

function render(shell: Shell, model: ClipInfo): string {
  const rows = properties(model)
  if (!shell.isTerminal) return rows.map(tabbed).join('')
  return `${table(rows.map(([name, value]) => [shell.paint.dim(name), printable(value)]), 'll').join('\n')}\n`
}

function properties(model: ClipInfo): [string, string][] {
  const { vision, text, sigmoid } = model
  const [scale, bias] = [model.logitScale, model.logitBias].map(value => value.toFixed(2))
  const rows: [string, string][] = [
    ['name', model.name || 'none'],
    ['family', model.family],
    ['path', model.path],
    ['format', model.format],
    ['licence', model.license || 'not stated'],
    ['source', [model.source, model.revision].filter(part => part !== '').join('@') || 'not stated'],
    ['embedding', `${model.dim} numbers`],
    ['scores', `${sigmoid ? 'sigmoid' : 'softmax'}, scale ${scale}, bias ${bias}`],
  ]
  if (vision) {
    const { cropSize, patchSize, resizeMode, interpolation } = vision
    rows.push(
      ['pictures', `${cropSize} x ${cropSize} pixels in patches of ${patchSize} (${resizeMode}, ${interpolation})`],
      ['image encoder', tower(vision)],
    )
  }
  if (text) {
    rows.push(
      ['texts', `${text.contextLength} tokens of ${text.vocabSize}${text.causal ? ', causal' : ''}`],
      ['text encoder', tower(text)],
    )
  }
  const types = Object.entries(model.types).map(([type, held]) => `${type} ${byteSize(held.bytes)} in ${held.tensors}`)
  rows.push(
    ['weights', `${byteSize(model.bytes)}: ${types.join(', ')} tensors`],
    ['device', `${model.device}, ${model.kernels} kernels, ${model.threads} threads`],
    ['chosen', model.deviceReason],
    ...model.devices.filter(({ kind }) => kind !== 'cpu').map(found),
    ...model.backendModules.filter(({ problem }) => problem !== '').map(refused),
  )
  return rows
}

function found({ name, kind, description }: ClipInfo['devices'][number]): [string, string] {
  return ['GPU', `${name}, ${description} (--device ${kind})`]
}

function refused({ path, problem }: ClipInfo['backendModules'][number]): [string, string] {
  return ['GPU not used', `${path}: ${problem}`]
}

function tower(info: NonNullable<ClipInfo['vision' | 'text']>): string {
  const { layers, width, heads, mlpWidth, activation, bytes } = info
  return `${layers} layers, width ${width}, ${heads} heads, mlp ${mlpWidth}, ${activation}, ${byteSize(bytes)}`
}
