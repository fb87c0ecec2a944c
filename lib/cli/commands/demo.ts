/** `ggclip demo`: classifies the sample images of this package. */
import path from 'node:path'

import type { Clip } from '../../library.js'
import { spread } from '../bench/rounds.js'
import { type Answer, type DemoReport, renderReport, shown } from '../demo/report.js'
import { choices, readSamples, type Sample } from '../demo/samples.js'
import { addExamples, addJsonOption, addModelOptions, type ModelFlags, withModel } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'

interface Flags extends ModelFlags {
  json?: boolean
}

export const demo: Verb = (program, shell) => {
  const command = program.command('demo')
    .summary('classify the sample images that come with ggclip')
    .description(`Classifies the sample images: each emoji among the names of all samples and some fifty more, each
photograph among ten kinds of clothing. Reports the right answers, the time, and the device.

JSON is { "pictures": [{ "image", "kind", "expected", "correct", "results" }], "correct", "timing", "model" }.`)
    .action((flags: Flags) => run(shell, flags))
  addModelOptions(addJsonOption(command), { images: false })
  addExamples(command, [
    ['the embedded model', 'ggclip demo'],
    ['another model', 'ggclip demo --model model.gguf'],
  ])
}

async function run(shell: Shell, flags: Flags): Promise<void> {
  const samples = await readSamples()
  const started = performance.now()
  await withModel(shell, flags, 'both', async clip => {
    const report = await classifySamples(shell, clip, samples, performance.now() - started)
    await shell.write(flags.json ? toJson(report) : renderReport(shell, report, flags.model === undefined))
  })
}

async function classifySamples(
  shell: Shell,
  clip: Clip,
  samples: readonly Sample[],
  loadMs: number,
): Promise<DemoReport> {
  const { signal } = shell
  const lap = stopwatch()
  const labels = { emoji: choices(samples, 'emoji'), photo: choices(samples, 'photo') }
  const classifiers = {
    emoji: await clip.classifier(labels.emoji, { signal }),
    photo: await clip.classifier(labels.photo, { signal }),
  }
  const labelsMs = lap()
  const classify = (sample: Sample) => classifiers[sample.kind].classify(sample.path, { topK: shown, signal })
  const answers: Answer[] = []
  const times: number[] = []
  for (const sample of samples) {
    const results = await classify(sample)
    times.push(lap())
    answers.push({ ...sample, results, correct: results[0]!.label === sample.label })
  }
  lap()
  // all at once: the scheduler forms batches
  await Promise.all(samples.map(classify))
  const batchPictureMs = lap() / samples.length
  return {
    answers,
    labels: { emoji: labels.emoji.length, photo: labels.photo.length },
    timing: { loadMs, labelsMs, pictureMs: spread(times).value, batchPictureMs },
    model: clip.info,
  }
}

function toJson({ answers, timing, model }: DemoReport): string {
  const pictures = answers.map(({ path: file, kind, label, correct, results }) => ({
    image: path.relative('', file),
    kind,
    expected: label,
    correct,
    results,
  }))
  const count = (kind: Sample['kind']) => {
    const some = answers.filter(answer => answer.kind === kind)
    return { right: some.filter(answer => answer.correct).length, of: some.length }
  }
  const correct = { emoji: count('emoji'), photo: count('photo') }
  return `${JSON.stringify({ pictures, correct, timing, model }, undefined, 2)}\n`
}

/** Milliseconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const elapsed = performance.now() - last
    last += elapsed
    return elapsed
  }
}
