/** `ggclip similarity`: how well does each text fit the image? */
import type { ImageInput } from '../../../library.js'
import { checkArguments, eachImage } from '../../inputs.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, type PictureFlags, pictureOptions,
  withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { JsonList, tabbed } from '../../stdout.js'
import { bar, percent, printable, table } from '../../table.js'

interface Flags extends ModelFlags, PictureFlags {
  json?: boolean
}

interface TextResult {
  text: string
  probability: number
  logit: number
  similarity: number
}

export const similarity: Verb = (program, shell) => {
  const command = program.command('similarity')
    .summary('how well does each text fit an image?')
    .description(`Compares an image with texts as they are, without a prompt. They keep their order.

probability: softmax over the texts (sigmoid of each for models trained with a sigmoid loss); logit: its input, as in the
reference's logits_per_image; similarity: the cosine of the two vectors.
A pipe gets one line per text: text, probability, logit, similarity, separated by tabs.
JSON is [{ "image", "results": [{ "text", "probability", "logit", "similarity" }] }].`)
    .argument('<image>', 'an image file; - reads it from stdin')
    .argument('<text...>', 'texts')
    .action((image: string, texts: string[], flags: Flags) => run(shell, image, texts, flags))
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['which caption fits best?', "ggclip similarity cat.png 'a cat asleep' 'a dog in the snow'"],
    ['from stdin, as JSON', "ggclip similarity - 'a cat' 'a dog' --json < cat.png"],
  ])
}

async function run(shell: Shell, image: string, texts: string[], flags: Flags): Promise<void> {
  checkArguments(texts)
  await withModel(shell, flags, 'both', async clip => {
    const { logitScale, logitBias } = clip.info
    const options = { ...pictureOptions(flags), signal: shell.signal }
    const list = new JsonList(shell)
    const compare = async (one: ImageInput): Promise<TextResult[]> => {
      const { logits: [row], probabilities: [probabilities] } = await clip.similarity(one, texts, options)
      return texts.map((text, i) => {
        const logit = row![i]!
        return { text, probability: probabilities![i]!, logit, similarity: (logit - logitBias) / logitScale }
      })
    }
    await eachImage(shell, [image], compare, (path, results) => (
      flags.json ? list.add({ image: path, results }) : shell.write(render(shell, path, results))
    ))
    if (flags.json) await list.end()
  })
}

function render(shell: Shell, image: string, results: readonly TextResult[]): string {
  if (!shell.isTerminal) {
    return results.map(({ text, ...numbers }) => (
      tabbed([text, ...[numbers.probability, numbers.logit, numbers.similarity].map(value => value.toFixed(6))])
    )).join('')
  }
  const { paint } = shell
  const best = Math.max(...results.map(result => result.probability))
  const rows = results.map(({ text, probability, logit, similarity: cosine }) => [
    `  ${probability === best ? paint.green(printable(text)) : printable(text)}`,
    percent(probability),
    paint.cyan(bar(probability, 20).padEnd(20)),
    paint.dim(`logit ${logit.toFixed(2)}`),
    paint.dim(`similarity ${cosine.toFixed(3)}`),
  ])
  return `${paint.bold(printable(image))}\n${table(rows, 'lrlrr').join('\n')}\n`
}
