/** `ggclip embed`: images or texts to vectors, or to the states of a layer. */
import { InvalidArgumentError } from 'commander'

import type { Clip, ImageInput } from '../../../library.js'
import { ArrayFile } from '../../array-file.js'
import { UsageError } from '../../failure.js'
import { eachImage, eachText, textsOf } from '../../inputs.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, type PictureFlags, pictureOptions, wholeNumber,
  withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { float32, JsonList, tabbed } from '../../stdout.js'
import { printable } from '../../table.js'

interface Flags extends ModelFlags, PictureFlags {
  text?: string[]
  normalize: boolean
  dimensions?: number
  hiddenState?: number[]
  finalNorm?: boolean
  out?: string
  json?: boolean
}

/** The result for one input: a vector, or the states of layers, one after another. */
interface Row {
  shape: number[]
  parts: Float32Array[]
}

export const embed: Verb = (program, shell) => {
  const command = program.command('embed')
    .summary('images or texts to vectors')
    .description(`Prints the embedding of each image, or of each text, with unit length unless --no-normalize is given.

A pipe gets one line per input: the input, then the numbers, separated by tabs, with enough digits to restore each
float32 exactly. A terminal gets the first few numbers. JSON is [{ "input", "embedding": [...] }].

--out writes all of them to one NumPy or safetensors file, one row each, and prints the inputs in the order of the rows;
JSON is then { "out", "shape", "inputs" }. --hidden-state, which needs --out, writes a layer's states of each
token instead: [inputs, tokens, width], or [inputs, layers, tokens, width] for several layers.`)
    .argument('[image...]', 'image files; - reads one from stdin')
    .option('--text <text...>', 'embed texts instead; - reads them from stdin, one per line')
    .option('--no-normalize', 'keep the length of the vectors as the model computes it')
    .option('--dimensions <n>', 'only the first values, for models trained for it (default: all)', wholeNumber)
    .option(
      '--hidden-state <n>',
      'states of a layer: 0 is the input of the first block, -1 the output of the last; several with commas',
      layers,
    )
    .option('--final-norm', 'with --hidden-state: apply the final norm')
    .option('--out <file>', 'write to a .npy or .safetensors file')
    .action((images: string[], flags: Flags) => run(shell, images, flags))
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['two images, as JSON', 'ggclip embed cat.png dog.png --json'],
    ['texts', "ggclip embed --text 'a cat' 'a dog' > vectors.tsv"],
    ['text conditioning, one block skipped',
      "ggclip embed --text 'a cat' --hidden-state -2 --final-norm --out cat.npy"],
    ['every line of a file', 'ggclip embed --text - --json < captions.txt'],
  ])
}

async function run(shell: Shell, images: string[], flags: Flags): Promise<void> {
  const { text, normalize, dimensions, json } = flags
  if (images.length > 0 && text) throw new UsageError('give images or --text, not both')
  if (images.length === 0 && !text) throw new UsageError('nothing to embed: give images, or texts with --text')
  if (flags.hiddenState && flags.out === undefined) throw new UsageError('--hidden-state needs --out')
  if (flags.finalNorm && !flags.hiddenState) throw new UsageError('--final-norm is for --hidden-state')
  if (flags.out !== undefined) return toFile(shell, images, flags, flags.out)
  const options = { normalize, dimensions, signal: shell.signal }
  const list = new JsonList(shell)
  const print = (input: string, vector: Float32Array): Promise<void> => (
    json ? list.add({ input, embedding: Array.from(vector) }) : shell.write(render(shell, input, vector))
  )
  await withModel(shell, flags, text ? 'text' : 'image', async clip => {
    if (text) await eachText(shell, textsOf(shell, text), one => clip.encodeText(one, options), print)
    else await eachImage(shell, images, one => clip.encodeImage(one, { ...options, ...pictureOptions(flags) }), print)
    if (json) await list.end()
  })
}

async function toFile(shell: Shell, images: string[], flags: Flags, out: string): Promise<void> {
  const { text, hiddenState, normalize, finalNorm = false } = flags
  const metadata: Record<string, string> = hiddenState
    ? { layers: hiddenState.join(','), final_norm: String(finalNorm) }
    : { normalized: String(normalize) }
  const file = new ArrayFile(out, hiddenState ? 'hidden_states' : 'embeddings', metadata)
  const inputs: string[] = []
  const add = async (input: string, { shape, parts }: Row): Promise<void> => {
    await file.add(shape, parts)
    inputs.push(input)
  }
  try {
    await withModel(shell, flags, text ? 'text' : 'image', async clip => {
      if (text) await eachText(shell, textsOf(shell, text), one => row(shell, clip, one, 'text', flags), add)
      else await eachImage(shell, images, one => row(shell, clip, one, 'image', flags), add)
    })
    const shape = await file.finish()
    shell.note(`wrote ${out}: [${shape.join(', ')}]`)
    // only now: if the reader of the list leaves early, the file is still written
    await shell.write(
      flags.json ? `${JSON.stringify({ out, shape, inputs })}\n` : inputs.map(input => tabbed([input])).join(''),
    )
  } finally {
    await file.discard()
  }
}

async function row(shell: Shell, clip: Clip, input: ImageInput, tower: 'image' | 'text', flags: Flags): Promise<Row> {
  const { normalize, dimensions, hiddenState, finalNorm } = flags
  const { signal } = shell
  if (!hiddenState) {
    const options = { normalize, dimensions, signal }
    const vector = await (tower === 'text'
      ? clip.encodeText(input as string, options)
      : clip.encodeImage(input, { ...options, ...pictureOptions(flags) }))
    return { shape: [vector.length], parts: [vector] }
  }
  const states = await clip.hiddenStates(input, { tower, layer: hiddenState, norm: finalNorm, signal })
  const { tokens, width } = states[0]!
  return {
    shape: [...(states.length > 1 ? [states.length] : []), tokens, width],
    parts: states.map(({ data }) => data),
  }
}

function layers(value: string): number[] {
  if (!/^-?\d{1,4}(,-?\d{1,4})*$/.test(value))
    throw new InvalidArgumentError('Expected a whole number, or several with commas.')
  return value.split(',').map(Number)
}

function render(shell: Shell, input: string, vector: Float32Array): string {
  if (!shell.isTerminal) return tabbed([input, ...Array.from(vector, float32)])
  const first = Array.from(vector.subarray(0, 6), value => value.toFixed(4).padStart(8)).join('')
  const rest = shell.paint.dim(`… ${vector.length} numbers; all with --json or into a pipe`)
  return `${shell.paint.bold(printable(input))}\n ${first}  ${rest}\n`
}
