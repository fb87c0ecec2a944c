/** `ggclip demo`: the sample pictures that come with the package, classified. */
import path from 'node:path'

import type { Classification, Clip, ClipInfo } from '../../index.js'
import { choices, readSamples, type Sample } from '../demo-samples.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, withModel } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'
import { bar, byteSize, displayWidth, percent, printable, table } from '../table.js'

interface Flags extends ModelFlags {
  json?: boolean
}

/** Answers shown of each picture. */
const shown = 3

interface Answer extends Sample {
  results: Classification[]
  correct: boolean
}

interface Timing {
  /** From the call to the loaded model. */
  loadMs: number
  /** Making the labels' vectors. */
  labelsMs: number
  /** One picture at a time, median: read, decode, resize, encode, compare. */
  pictureMs: number
  /** The same for each picture when all of them are given in one call. */
  batchPictureMs: number
}

interface Report {
  answers: Answer[]
  timing: Timing
  labels: Record<Sample['kind'], number>
}

export const demo: Verb = (program, shell) => {
  const command = program.command('demo')
    .summary('classify the sample pictures that come with ggclip')
    .description(`Classifies the sample pictures: each emoji among the names of all samples and some fifty more, each photograph among
ten kinds of clothing. Tells which answers are right, how long it took, and where it ran.

JSON is { "pictures": [{ "image", "kind", "expected", "correct", "results" }], "correct", "timing", "model" }.`)
    .action(async (flags: Flags) => {
      const samples = await readSamples()
      const started = performance.now()
      await withModel(shell, flags, 'both', async clip => {
        const report = await classifySamples(shell, clip, samples, performance.now() - started)
        await shell.write(flags.json ? `${JSON.stringify(toJson(report, clip.info), undefined, 2)}\n` : render(shell, report, clip.info, flags))
      })
    })
  addModelOptions(addJsonOption(command))
  addExamples(command, [
    ['the embedded model', 'ggclip demo'],
    ['another model', 'ggclip demo --model model.gguf'],
  ])
}

async function classifySamples(shell: Shell, clip: Clip, samples: readonly Sample[], loadMs: number): Promise<Report> {
  const { signal } = shell
  let last = performance.now()
  const lap = (): number => {
    const elapsed = performance.now() - last
    last += elapsed
    return elapsed
  }
  const lists = { emoji: choices(samples, 'emoji'), photo: choices(samples, 'photo') }
  const classifiers = { emoji: await clip.classifier(lists.emoji, { signal }), photo: await clip.classifier(lists.photo, { signal }) }
  const labelsMs = lap()
  // all in flight together: the scheduler makes batches of them
  const results = await Promise.all(samples.map(({ path: file, kind }) => classifiers[kind].classify(file, { topK: shown, signal })))
  const batchPictureMs = lap() / samples.length
  const times: number[] = []
  for (const { path: file, kind } of samples) {
    lap()
    await classifiers[kind].classify(file, { signal })
    times.push(lap())
  }
  return {
    answers: samples.map((sample, i) => ({ ...sample, results: results[i]!, correct: results[i]![0]!.label === sample.label })),
    timing: { loadMs, labelsMs, pictureMs: median(times), batchPictureMs },
    labels: { emoji: lists.emoji.length, photo: lists.photo.length },
  }
}

function toJson({ answers, timing }: Report, model: ClipInfo) {
  const pictures = answers.map(({ path: file, kind, label, correct, results }) => ({
    image: path.relative('', file), kind, expected: label, correct, results,
  }))
  const count = (kind: Sample['kind']) => {
    const some = answers.filter(answer => answer.kind === kind)
    return { right: some.filter(answer => answer.correct).length, of: some.length }
  }
  return { pictures, correct: { emoji: count('emoji'), photo: count('photo') }, timing, model }
}

function render(shell: Shell, report: Report, model: ClipInfo, flags: Flags): string {
  const { paint } = shell
  const { timing } = report
  const { correct } = toJson(report, model)
  const lines = [
    ...section(shell, report, 'emoji', `Emoji, each among ${report.labels.emoji} labels`),
    ...section(shell, report, 'photo', `Photographs, each among ${report.labels.photo} kinds of clothing`),
    `Right: ${correct.emoji.right} of ${correct.emoji.of} emoji, ${correct.photo.right} of ${correct.photo.of} photographs`,
    `Time:  ${milliseconds(timing.pictureMs)} a picture one by one, ${milliseconds(timing.batchPictureMs)} all together`
    + ` (from file to answer); ${milliseconds(timing.loadMs)} to load`,
    `Where: ${printable(model.device)}, ${printable(model.kernels)} kernels, ${model.threads} threads`,
    `Model: ${printable(model.name || model.path)}, ${byteSize(model.bytes)} of weights (${Object.keys(model.types).join(', ')})`,
  ]
  if (flags.model === undefined) {
    lines.push('', ...[
      'The emoji are drawn in styles that this small model was trained on, the photographs are of kinds that it was trained',
      'on but were not in the training. It knows little else: models/README.md has its measured limits.',
    ].map(paint.dim))
  }
  lines.push('', 'Next: ggclip classify <picture> --labels cat,dog,pizza      your own picture and labels', '      ggclip --help')
  return `${lines.join('\n')}\n`
}

/** A table with as many answers of each picture as the terminal is wide. */
function section(shell: Shell, { answers }: Report, kind: Sample['kind'], title: string): string[] {
  const some = answers.filter(answer => answer.kind === kind)
  if (some.length === 0) return []
  let lines: string[] = []
  for (let places = shown; places > 0; places--) {
    const rows = some.map(answer => row(shell, answer).slice(0, 4 + places))
    const head = ['', 'picture', 'expected', '', 'first', 'second', 'third'].slice(0, 4 + places).map(shell.paint.dim)
    lines = table([head, ...rows], 'lllllll')
    if (lines.every(line => displayWidth(line) <= shell.columns)) break
  }
  return [shell.paint.bold(title), ...lines, '']
}

function row({ paint }: Shell, { file, label, results, correct }: Answer): string[] {
  const [mark, answerPaint] = correct ? [paint.green('✓'), paint.green] : [paint.red('✗'), paint.red]
  const places = results.map(({ label: name, score }, place) => (place === 0 ? answerPaint : paint.dim)(`${name} ${percent(score)}`))
  return [mark, printable(file), printable(label), paint.cyan(bar(results[0]!.score, 10).padEnd(10)), ...places]
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
