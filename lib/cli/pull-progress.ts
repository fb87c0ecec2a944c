/** The progress bar of a download. */
import type { PullProgress } from '../library.js'
import type { Shell } from './shell.js'
import { bar, byteSize, percent, printable } from './table.js'

const barWidth = 24

/** A listener that draws on stderr while a person looks at it. */
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
