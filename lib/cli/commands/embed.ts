/** `ggclip embed`: pictures or texts to vectors. */
import { UsageError } from '../failure.js'
import { eachImage, eachText, textsOf } from '../inputs.js'
import {
  addExamples, addJsonOption, addModelOptions, type ModelFlags, type PictureFlags, pictureOptions, withModel,
} from '../options.js'
import { float32, JsonList, tabbed } from '../output.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'
import { printable } from '../table.js'

interface Flags extends ModelFlags, PictureFlags {
  text?: string[]
  normalize: boolean
  json?: boolean
}

export const embed: Verb = (program, shell) => {
  const command = program.command('embed')
    .summary('pictures or texts to vectors')
    .description(`Prints the embedding of each picture, or of each text: of unit length unless --no-normalize is given.

A pipe gets one line for each input: the input, then the numbers, separated by tabs, in as many digits as bring each
float32 back exactly. A terminal gets the first few numbers. JSON is [{ "input", "embedding": [...] }].`)
    .argument('[image...]', 'picture files; - reads one from stdin')
    .option('--text <text...>', 'embed texts instead; - reads them from stdin, one a line')
    .option('--no-normalize', 'keep the length that the model gave the vectors')
    .action((images: string[], flags: Flags) => run(shell, images, flags))
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['two pictures, as JSON', 'ggclip embed cat.png dog.png --json'],
    ['texts', "ggclip embed --text 'a cat' 'a dog' > vectors.tsv"],
    ['every line of a file', 'ggclip embed --text - --json < captions.txt'],
  ])
}

async function run(shell: Shell, images: string[], flags: Flags): Promise<void> {
  const { text, normalize, json } = flags
  if (images.length > 0 && text) throw new UsageError('give pictures or --text, not both')
  if (images.length === 0 && !text) throw new UsageError('nothing to embed: give pictures, or texts with --text')
  const options = { normalize, signal: shell.signal }
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

function render(shell: Shell, input: string, vector: Float32Array): string {
  if (!shell.isTerminal) return tabbed([input, ...Array.from(vector, float32)])
  const first = Array.from(vector.subarray(0, 6), value => value.toFixed(4).padStart(8)).join('')
  const rest = shell.paint.dim(`… ${vector.length} numbers; all with --json or into a pipe`)
  return `${shell.paint.bold(printable(input))}\n ${first}  ${rest}\n`
}
