/** The demo's results, for people. */
import type { Classification, ClipInfo } from '../../library.js'
import type { Shell } from '../shell.js'
import { bar, byteSize, counted, displayWidth, percent, printable, table } from '../table.js'
import type { Sample } from './samples.js'

/** Answers kept per image. */
export const shown = 3

export interface Answer extends Sample {
  /** Best first. */
  results: Classification[]
  correct: boolean
}

export interface DemoReport {
  answers: Answer[]
  /** Number of labels that the images were classified among. */
  labels: Record<Sample['kind'], number>
  timing: {
    /** From the call to the loaded model. */
    loadMs: number
    /** Computing the labels' vectors. */
    labelsMs: number
    /** One image at a time, median: read, decode, resize, encode, compare. */
    pictureMs: number
    /** Time per image when all of them are given at once. */
    batchPictureMs: number
  }
  model: Readonly<ClipInfo>
}

/** @param embedded whether the model is the one that comes with ggclip */
export function renderReport(shell: Shell, report: DemoReport, embedded: boolean): string {
  const { labels, timing, model } = report
  const { loadMs, pictureMs, batchPictureMs } = timing
  const lines = [
    ...section(shell, report, 'emoji', `Emoji, each among ${labels.emoji} labels`),
    ...section(shell, report, 'photo', `Photographs, each among ${labels.photo} kinds of clothing`),
    `Right: ${rightOf(report, 'emoji')} emoji, ${rightOf(report, 'photo')} photographs`,
    `Time:  ${milliseconds(pictureMs)} per image one by one, ${milliseconds(batchPictureMs)} in a batch`
    + ` (from file to answer); ${milliseconds(loadMs)} to load`,
    `Where: ${printable(model.device)}, ${printable(model.kernels)} kernels, ${counted(model.threads, 'thread')}`,
    `Model: ${printable(model.name || model.path)}, ${byteSize(model.bytes)} of weights`
    + ` (${Object.keys(model.types).join(', ')})`,
  ]
  if (embedded) {
    const limits = [
      'The emoji are drawn in styles that this small model was trained on; the photographs are of kinds it was',
      'trained on, but were not in the training. It knows little else: models/README.md has its measured limits.',
    ]
    lines.push('', ...limits.map(shell.paint.dim))
  }
  lines.push('', "Next: ggclip classify <image> --labels 'cat face,pizza,rocket'", '      ggclip --help')
  return `${lines.join('\n')}\n`
}

/** A table with as many answers per image as fit the terminal. */
function section(shell: Shell, { answers }: DemoReport, kind: Sample['kind'], title: string): string[] {
  const some = answers.filter(answer => answer.kind === kind)
  if (some.length === 0) return []
  let lines: string[] = []
  for (let answers = shown; answers > 0; answers--) {
    const rows = some.map(answer => row(shell, answer).slice(0, 4 + answers))
    const head = ['', 'picture', 'expected', '', 'first', 'second', 'third'].slice(0, 4 + answers)
    lines = table([head.map(shell.paint.dim), ...rows], 'lllllll')
    if (lines.every(line => displayWidth(line) <= shell.columns)) break
  }
  return [shell.paint.bold(title), ...lines, '']
}

function row({ paint }: Shell, { file, label, results, correct }: Answer): string[] {
  const verdict = correct ? paint.green : paint.red
  const cells = results.map(({ label: name, score }, place) => {
    const text = `${name} ${percent(score)}`
    return place === 0 ? verdict(text) : paint.dim(text)
  })
  const share = paint.cyan(bar(results[0]!.score, 10).padEnd(10))
  return [verdict(correct ? '✓' : '✗'), printable(file), printable(label), share, ...cells]
}

function rightOf({ answers }: DemoReport, kind: Sample['kind']): string {
  const some = answers.filter(answer => answer.kind === kind)
  return `${some.filter(answer => answer.correct).length} of ${some.length}`
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`
}
