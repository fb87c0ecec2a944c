/** `ggclip classify`: which of these labels is in the image? */
import type { Classification } from '../../../library.js'
import { UsageError } from '../../failure.js'
import { checkArguments, eachImage, readLabels } from '../../inputs.js'
import { addExamples, addJsonOption, addModelOptions, collect, type ModelFlags, type PictureFlags, pictureOptions,
  wholeNumber, withModel } from '../../options.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { JsonList, tabbed } from '../../stdout.js'
import { bar, percent, printable, table } from '../../table.js'

interface Flags extends ModelFlags, PictureFlags {
  labels?: string[]
  labelsFile?: string
  template?: string[]
  topK?: number
  multiLabel?: boolean
  json?: boolean
}

/** Labels shown per image, unless --top-k is given. JSON has all of them. */
const shown = 5

export const classify: Verb = (program, shell) => {
  const command = program.command('classify')
    .summary('which of these labels is in the image?')
    .description(`Scores labels for each image, best first.

A pipe gets one line per label: image, label, score, similarity, separated by tabs.
JSON is [{ "image", "results": [{ "label", "score", "similarity" }] }].`)
    .argument('<image...>', 'image files; - reads one from stdin')
    .option('-l, --labels <a,b,c>', 'the labels, separated by commas (repeatable)', collect)
    .option('--labels-file <file>', 'a file with one label per line; - reads stdin')
    .option('--template <text>', 'prompt, with {} for the label (repeatable; default: "a photo of a {}")', collect)
    .option('-k, --top-k <n>', `how many labels to print (default: all in JSON, else ${shown})`, wholeNumber)
    .option('--multi-label', 'score each label independently instead of dividing 100 % among them')
    .action((images: string[], flags: Flags) => run(shell, images, flags))
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['one picture', 'ggclip classify cat.png --labels cat,dog,bird'],
    ['many, as JSON', 'ggclip classify *.jpg --labels-file labels.txt --top-k 3 --json'],
    ['from stdin, another prompt', "ggclip classify - --labels cat,dog --template 'a drawing of a {}' < cat.png"],
  ])
}

async function run(shell: Shell, images: string[], flags: Flags): Promise<void> {
  const labels = await labelsOf(shell, flags)
  checkArguments(flags.template ?? [])
  const { signal } = shell
  const { json, multiLabel, topK = json ? undefined : shown } = flags
  const options = { ...pictureOptions(flags), topK, multiLabel, signal }
  await withModel(shell, flags, 'both', async clip => {
    const classifier = await clip.classifier(labels, { templates: flags.template, signal })
    const list = new JsonList(shell)
    await eachImage(
      shell,
      images,
      image => classifier.classify(image, options),
      (image, results) => (json ? list.add({ image, results }) : shell.write(render(shell, image, results))),
    )
    if (json) await list.end()
  })
}

async function labelsOf(shell: Shell, { labels = [], labelsFile }: Flags): Promise<string[]> {
  const given = checkArguments(labels).flatMap(list => list.split(',')).map(label => label.trim()).filter(label =>
    label !== ''
  )
  if (labelsFile !== undefined) given.push(...await readLabels(shell, labelsFile))
  if (given.length === 0) throw new UsageError('no labels: give some with --labels a,b,c or --labels-file')
  return given
}

function render(shell: Shell, image: string, results: readonly Classification[]): string {
  if (!shell.isTerminal) {
    return results.map(({ label, score, similarity }) => (
      tabbed([image, label, score.toFixed(6), similarity.toFixed(6)])
    )).join('')
  }
  const { paint } = shell
  const rows = results.map(({ label, score, similarity }, place) => [
    `  ${place === 0 ? paint.green(printable(label)) : printable(label)}`,
    percent(score),
    paint.cyan(bar(score, 20).padEnd(20)),
    paint.dim(`similarity ${similarity.toFixed(3)}`),
  ])
  return `${paint.bold(printable(image))}\n${table(rows, 'lrll').join('\n')}\n`
}
