/** `ggclip info`: what is this model? */
import type { ClipInfo } from '../../index.js'
import { UsageError } from '../failure.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, withModel } from '../options.js'
import { tabbed } from '../output.js'
import type { Verb } from '../run.js'
import { byteSize, printable, table } from '../table.js'

interface Flags extends ModelFlags {
  json?: boolean
}

export const info: Verb = (program, shell) => {
  const command = program.command('info')
    .summary('what is this model?')
    .description(`Loads a model and prints what it is: sizes, weight types, device, licence, source.

A pipe gets one line for each property: name and value, separated by a tab. JSON is the library's clip.info.`)
    .argument('[model]', 'a .gguf file or the directory of a checkpoint (default: the embedded model)')
    .action(async (model: string | undefined, flags: Flags) => {
      if (model !== undefined && flags.model !== undefined) throw new UsageError('give the model once: as the argument or with --model')
      await withModel(shell, { ...flags, model: model ?? flags.model }, 'both', async clip => {
        const rows = properties(clip.info)
        if (flags.json) await shell.write(`${JSON.stringify(clip.info, undefined, 2)}\n`)
        else if (!shell.isTerminal) await shell.write(rows.map(tabbed).join(''))
        else await shell.write(`${table(rows.map(([name, value]) => [shell.paint.dim(name), printable(value)]), 'll').join('\n')}\n`)
      })
    })
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['the embedded model', 'ggclip info'],
    ['another one, as JSON', 'ggclip info model.gguf --json'],
  ])
}

function properties(model: ClipInfo): [string, string][] {
  const { vision, text } = model
  const rows: [string, string][] = [
    ['name', model.name || 'none'],
    ['family', model.family],
    ['path', model.path],
    ['format', model.format],
    ['licence', model.license || 'not stated'],
    ['source', [model.source, model.revision].filter(part => part !== '').join('@') || 'not stated'],
    ['embedding', `${model.dim} numbers`],
    ['scores', `${model.sigmoid ? 'sigmoid' : 'softmax'}, scale ${model.logitScale.toFixed(2)}, bias ${model.logitBias.toFixed(2)}`],
  ]
  if (vision) {
    rows.push(
      ['pictures', `${vision.imageSize} x ${vision.imageSize} pixels in patches of ${vision.patchSize} (${vision.resizeMode}, ${vision.interpolation})`],
      ['image encoder', tower(vision)],
    )
  }
  if (text) {
    rows.push(
      ['texts', `${text.contextLength} tokens of ${text.vocabSize}${text.causal ? ', causal' : ''}`],
      ['text encoder', tower(text)],
    )
  }
  const types = Object.entries(model.types).map(([type, { tensors, bytes }]) => `${type} ${byteSize(bytes)} in ${tensors}`)
  rows.push(
    ['weights', `${byteSize(model.bytes)}: ${types.join(', ')} tensors`],
    ['device', `${model.device}, ${model.kernels} kernels, ${model.threads} threads`],
  )
  return rows
}

function tower({ layers, width, heads, mlpWidth, activation, bytes }: NonNullable<ClipInfo['vision' | 'text']>): string {
  return `${layers} layers, width ${width}, ${heads} heads, mlp ${mlpWidth}, ${activation}, ${byteSize(bytes)}`
}
