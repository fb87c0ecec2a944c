/** Progress on one line of stderr, which is overwritten. */
import type { ConvertProgress, PullProgress } from '../library.js'
import type { Shell } from './shell.js'
import { bar, byteSize, percent, printable } from './table.js'

const barWidth = 24

/** Of a download, drawn while a person looks at it. */
export function showProgress(shell: Shell): (progress: Pick<PullProgress, 'file' | 'loaded' | 'total'>) => void {
  let startedAt: number | undefined
  let startedWith = 0
  return ({ file, loaded, total }) => {
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

/** Of a conversion. */
export function progressLine(shell: Shell, output: string): (progress: ConvertProgress) => void {
  const showDownload = showProgress(shell)
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
