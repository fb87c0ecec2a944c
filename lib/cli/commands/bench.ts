/** `ggclip bench`: measures the speed of a model on this machine. */
import { cpus } from 'node:os'
import path from 'node:path'

import { InvalidArgumentError } from 'commander'

import { Clip, ClipError, type LoadOptions, type Profile, type WeightType, weightTypes } from '../../library.js'
import { type Bench, type Inputs, textSource, timeConcurrency, timePictures, timeTowers } from '../bench/cases.js'
import { makeJpeg } from '../bench/picture.js'
import { type BenchReport, writeCase, writeJsonFile, writeProfile } from '../bench/report.js'
import { timeStarts } from '../bench/starts.js'
import { disposeAll, loadVariants, type Variant } from '../bench/variants.js'
import { UsageError } from '../failure.js'
import { addExamples, addHubOptions, type HubFlags, modelForms, type Towers, wholeNumber } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'

const parts = ['towers', 'pictures', 'start', 'concurrency'] as const
type Part = (typeof parts)[number]

interface Flags extends HubFlags {
  model?: string
  device?: LoadOptions['device']
  towers: Towers
  types?: string[]
  precisions: string[]
  threads?: number[]
  batches: number[]
  sizes: [number, number][]
  calls: number
  rounds: number
  only: string[]
  profile?: boolean
  json?: string | true
}

export const bench: Verb = (program, shell) => {
  const command = program.command('bench')
    .summary('measure the speed of a model on this machine')
    .description(
      `Measures a model on this machine: the towers alone, from a JPEG to the embedding, start and memory,
and concurrent calls. Types, precisions and threads are compared: all stay loaded and run interleaved, so that a
slowdown of the machine affects all of them. Figures are medians, with the spread.

--profile measures the operations of the towers instead: times, and the share of this machine's peak of multiply-adds,
measured in the same run. A pipe gets tab-separated lines: case, side, unit, median, least, most, cosine.`,
    )
    .option('-m, --model <model>', `${modelForms} (default: the embedded model)`)
    .option('--towers <which>', 'both, image or text', 'both')
    .option('--types <list>', `weight types: ${weightTypes.join(', ')} (default: as in the file)`, list)
    .option('--precisions <list>', 'any of default, fast and exact', list, ['default'])
    .option('--threads <list>', 'CPU threads (default: as Clip.load chooses)', numbers)
    .option('--batches <list>', 'inputs per batch', numbers, [1, 8])
    .option('--sizes <list>', 'sizes of the JPEG files', sizes, [[500, 375], [4000, 3000]])
    .option('--calls <n>', 'calls at once', wholeNumber, 64)
    .option('--rounds <n>', 'rounds for each side', wholeNumber, 9)
    .option('--only <list>', `parts to run: ${parts.join(', ')}`, list, [...parts])
    .option('--profile', 'where the time of a batch goes')
    .option('--device <name>', 'auto, cpu, cuda, metal or vulkan (default: auto)')
    .option('--json [file]', 'print JSON instead, or write it to a file as well')
    .action((flags: Flags) => run(shell, flags))
  addHubOptions(command)
  addExamples(command, [
    ['the embedded model', 'ggclip bench'],
    ['which type to take', 'ggclip bench --model clip.gguf --types q8_0,q4_0,f16 --precisions default,fast'],
    ['where the time goes', 'ggclip bench --model clip.gguf --profile --batches 1,32'],
    ['one part, kept', 'ggclip bench --only pictures --sizes 1920x1080 --json pictures.json'],
  ])
}

async function run(shell: Shell, flags: Flags): Promise<void> {
  check(flags)
  const { model, device, cacheDir, offline, towers, batches, calls } = flags
  const choices = {
    model,
    device,
    cacheDir,
    offline,
    towers,
    types: (flags.types ?? [undefined]) as (WeightType | undefined)[],
    precisions: flags.precisions as LoadOptions['precision'][],
    threads: flags.threads ?? [undefined],
  }
  const variants = await loadVariants(shell, choices, Math.max(32, ...batches, Math.ceil(calls / 2)))
  try {
    const report = startReport(variants[0]!, flags.rounds)
    const isPrinted = flags.json !== true
    if (flags.profile) await profileAll(shell, report, variants, flags, isPrinted)
    else await measure(shell, report, variants, flags, isPrinted)
    if (flags.json === true) await shell.write(`${JSON.stringify(report, undefined, 2)}\n`)
    else if (flags.json !== undefined) await writeJsonFile(flags.json, report)
  } finally {
    await disposeAll(variants)
  }
}

function check({ rounds, calls, batches, only }: Flags): void {
  if (rounds < 1 || rounds > 1000) throw new UsageError(`--rounds: expected 1 to 1000, received ${rounds}`)
  if (calls < 2 || calls > 1024) throw new UsageError(`--calls: expected 2 to 1024, received ${calls}`)
  const batch = batches.find(n => n < 1 || n > 1024)
  if (batch !== undefined) throw new UsageError(`--batches: expected 1 to 1024, received ${batch}`)
  const unknown = only.find(part => !(parts as readonly string[]).includes(part))
  if (unknown !== undefined) throw new UsageError(`--only: expected some of ${parts.join(', ')}, received '${unknown}'`)
}

function startReport({ clip: { info } }: Variant, rounds: number): BenchReport {
  const { name, device, kernels, dim } = info
  const cores = cpus()
  return {
    date: new Date().toISOString(),
    cpu: cores[0]?.model.trim() ?? '',
    cores: cores.length,
    node: process.version,
    rounds,
    model: { name, path: path.relative('', info.path), device, kernels, dim },
    cases: [],
    profiles: [],
  }
}

async function measure(
  shell: Shell,
  report: BenchReport,
  variants: Variant[],
  flags: Flags,
  isPrinted: boolean,
): Promise<void> {
  const tools: Bench = {
    variants,
    rounds: flags.rounds,
    signal: shell.signal,
    progress: text => shell.status(text),
    async add(result) {
      report.cases.push(result)
      if (isPrinted) await writeCase(shell, result)
    },
  }
  const wants = (part: Part) => flags.only.includes(part)
  const tensor = await preparedPicture(variants[0]!.clip)
  const texts = await hasTexts(shell, variants[0]!.clip)
  if (!tensor && !texts) throw new UsageError(`--towers ${flags.towers}: this model has no such tower to measure`)
  if (wants('towers')) await withExact(shell, flags, clip => timeTowers(tools, flags.batches, tensor, texts, clip))
  if (wants('pictures') && tensor) await timePictures(tools, flags.sizes)
  if (wants('start'))
    await timeStarts({ ...tools, rounds: Math.min(5, flags.rounds) }, flags.model, tensor !== undefined)
  if (wants('concurrency')) await timeConcurrency(tools, flags.calls, tensor)
}

/** Accuracy beside speed: the same model in exact arithmetic, loaded only to embed two inputs. */
async function withExact(
  shell: Shell,
  { model, towers, device, cacheDir, offline }: Flags,
  use: (exact: Clip) => Promise<void>,
): Promise<void> {
  const exact = await Clip.load(model, { precision: 'exact', towers, device, cacheDir, offline, signal: shell.signal })
  try {
    await use(exact)
  } finally {
    await exact.dispose()
  }
}

async function preparedPicture(clip: Clip): Promise<Inputs['tensor'] | undefined> {
  return clip.info.vision ? clip.preprocess(await makeJpeg(640, 640)) : undefined
}

/** A model without a tokenizer still embeds images. */
async function hasTexts(shell: Shell, clip: Clip): Promise<boolean> {
  if (!clip.info.text) return false
  try {
    await clip.encodeText('a', { signal: shell.signal })
    return true
  } catch (error) {
    if (!(error instanceof ClipError) || error.code !== 'ERR_CLIP_TOKENIZER_MISSING') throw error
    shell.note(`no texts are measured: ${error.message}`)
    return false
  }
}

async function profileAll(
  shell: Shell,
  report: BenchReport,
  variants: Variant[],
  flags: Flags,
  isPrinted: boolean,
): Promise<void> {
  const sample = textSource()(1)[0]!
  const texts = await hasTexts(shell, variants[0]!.clip)
  const add = async (clip: Clip, input: Inputs | string, batch: number) => {
    shell.signal.throwIfAborted()
    const tower = typeof input === 'string' ? 'text' : 'image'
    const profile: Profile = await clip.profile(input, { tower, batch, runs: flags.rounds })
    report.profiles.push(profile)
    if (isPrinted) await writeProfile(shell, profile)
  }
  for (const { clip } of variants) {
    const tensor = await preparedPicture(clip)
    for (const batch of flags.batches) {
      if (tensor) await add(clip, { tensor }, batch)
      if (texts) await add(clip, sample, batch)
    }
  }
}

function list(value: string): string[] {
  return value.split(',').map(part => part.trim()).filter(part => part !== '')
}

function numbers(value: string): number[] {
  const values = list(value)
  if (values.length === 0) throw new InvalidArgumentError('Expected whole numbers, separated by commas.')
  return values.map(wholeNumber)
}

function sizes(value: string): [number, number][] {
  return list(value).map(part => {
    const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(part) ?? []
    const [w, h] = [Number(width), Number(height)]
    if (!(w >= 1 && h >= 1 && w * h <= 200e6))
      throw new InvalidArgumentError('Expected sizes such as 500x375, at most 200 megapixels.')
    return [w, h]
  })
}
