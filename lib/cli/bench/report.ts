/** A benchmark's results. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'

import { replaceFile } from '../../files.js'
import { ClipError, type ClipInfo, type Profile } from '../../library.js'
import type { Shell } from '../shell.js'
import { tabbed } from '../stdout.js'
import { byteSize, counted, printable, table } from '../table.js'

export interface Row {
  name: string
  /** Median of the rounds, or the only value. */
  value: number
  min?: number
  max?: number
  /** Lowest cosine to the embeddings of precision 'exact'. */
  cosine?: number
}

export interface Case {
  name: string
  unit: 'ms' | 'bytes'
  rows: Row[]
}

export interface BenchReport {
  date: string
  cpu: string
  cores: number
  node: string
  rounds: number
  model: Pick<ClipInfo, 'name' | 'path' | 'device' | 'kernels' | 'dim'>
  cases: Case[]
  profiles: Profile[]
}

/** One case: a table on a terminal, tab-separated lines in a pipe. */
export async function writeCase(shell: Shell, { name, unit, rows }: Case): Promise<void> {
  if (!shell.isTerminal) {
    for (const row of rows) {
      const { value, min = value, max = value, cosine } = row
      await shell.write(
        tabbed([name, row.name, unit, ...[value, min, max].map(exact), cosine === undefined ? '' : cosine.toFixed(6)]),
      )
    }
    return
  }
  const show = (value: number) => (unit === 'bytes' ? byteSize(value) : `${value.toFixed(value < 10 ? 2 : 1)} ms`)
  const cells = rows.map(({ name: side, value, min, max, cosine }) => [
    `  ${side}`,
    show(value),
    min === undefined ? '' : shell.paint.dim(`${show(min)} .. ${show(max!)}`),
    cosine === undefined ? '' : `cosine to f32 ${cosine.toFixed(6)}`,
  ])
  await shell.write(`${[shell.paint.bold(name), ...table(cells, 'lrll')].join('\n')}\n\n`)
}

const headings = ['operation', 'weights', 'type', 'out x in x tokens', 'times', 'ms', 'share', 'waiting', 'GOP/s',
  'of peak']

export async function writeProfile(shell: Shell, profile: Profile): Promise<void> {
  const { tower, batch, threads, totalMs, otherMs, measuredMs, peaks, kernels } = profile
  const name = `${tower}, batch ${batch}, ${counted(threads, 'thread')}`
  const rows = profile.operations.map(({ kind, layer, type, shape, count, ms, waiting, gops, ofPeak }) => [
    kind,
    layer,
    type,
    shape.join(' x '),
    String(count),
    ms.toFixed(3),
    percentage(ms / totalMs),
    percentage(waiting),
    gops === undefined ? '' : gops.toFixed(0),
    ofPeak === undefined ? '' : percentage(ofPeak),
  ])
  rows.push(['inputs, outputs', '', '', '', '', otherMs.toFixed(3), percentage(otherMs / totalMs), '', '', ''])
  if (!shell.isTerminal) {
    for (const row of rows) await shell.write(tabbed([name, ...row]))
    for (const [type, rate] of Object.entries(peaks))
      await shell.write(tabbed([name, 'peak', '', type, '', '', '', '', '', rate.toFixed(0), '']))
    return
  }
  const measured = Object.entries(peaks).map(([type, rate]) => `${type} ${rate.toFixed(0)}`).join(', ')
  const lines = [
    shell.paint.bold(`${name}: ${totalMs.toFixed(2)} ms a batch (whole batches: ${measuredMs.toFixed(2)} ms)`),
    ...table([headings.map(shell.paint.dim), ...rows.map(row => row.map(printable))], 'llllrrrrrr'),
    measured === '' ?
      `  plain ggml computes this model (${kernels}) and reports no times of operations`
      : `  peak of multiply-adds, GOP/s of all threads: ${measured} (${kernels} kernels)`,
  ]
  await shell.write(`${lines.join('\n')}\n\n`)
}

export async function writeJsonFile(file: string, report: BenchReport): Promise<void> {
  const to = path.resolve(file)
  try {
    await replaceFile(to, unfinished => writeFile(unfinished, `${JSON.stringify(report, undefined, 2)}\n`))
  } catch (cause) {
    throw new ClipError('ERR_CLIP_FILE_WRITE', `${to}: ${(cause as Error).message}`, { cause })
  }
}

function exact(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(3)
}

function percentage(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}
