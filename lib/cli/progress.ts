/** Progress on one line of stderr, which is overwritten. */
import { type ConvertProgress, models, type PullProgress } from '../library.js'
import type { Shell } from './shell.js'
import { bar, byteSize, percent, printable } from './table.js'

const barWidth = 24

/** Of a download of `model`, drawn while a person looks at it; what limits the use of its weights is said first. */
export function showProgress(
  shell: Shell,
  model?: string,
): (progress: Pick<PullProgress, 'file' | 'loaded' | 'total'>) => void {
  let terms = termsOf(model)
  let startedAt: number | undefined
  let startedWith = 0
  return ({ file, loaded, total }) => {
    if (terms !== undefined && loaded < total) {
      shell.note(terms)
      terms = undefined
    }
    const now = performance.now()
    if (startedAt === undefined) {
      startedAt = now
      startedWith = loaded
    }
    const seconds = (now - startedAt) / 1000
    const speed = seconds < 0.5 ? '' : `  ${byteSize((loaded - startedWith) / seconds)}/s`
    const share = total === 0 ? 1 : loaded / total
    const state = `${bar(share, barWidth).padEnd(barWidth)} ${percent(share).padStart(7)}  ${byteSize(loaded)} of ${
      byteSize(total)
    }${speed}`
    shell.progress(`${state}  ${printable(file)}`)
  }
}

/** A sentence about the model's licence, if the registry has one. */
function termsOf(model: string | undefined): string | undefined {
  const name = model?.toLowerCase().replace(/^hf:/, '').replace(/[@:].*$/, '')
  const entry = models.find(({ name: short, id, copies = [] }) =>
    short === name || [id, ...copies].some(repository => repository.toLowerCase() === name)
  )
  return entry?.terms && `${entry.name}: ${entry.terms}`
}

/** Of a conversion. */
export function progressLine(shell: Shell, input: string, output: string): (progress: ConvertProgress) => void {
  const showDownload = showProgress(shell, input)
  return ({ stage, done, total, item }) => {
    if (stage === 'download') return showDownload({ file: item, loaded: done, total })
    const share = total > 0 ? done / total : 0
    const amount = stage === 'write' ? `${byteSize(done)} of ${byteSize(total)}` : `${done} of ${total} samples`
    const what = stage === 'write' ? `writing ${output}` : 'measuring importance'
    shell.status(
      `${printable(what)}  ${bar(share, 20).padEnd(20, '░')} ${percent(share)}  ${amount}  ${
        printable(item).slice(0, 40)
      }`,
    )
  }
}
