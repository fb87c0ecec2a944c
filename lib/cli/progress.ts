/** Progress of a conversion, on one line that is overwritten. */
import type { ConvertProgress } from '../library.js'
import { showProgress } from './pull-progress.js'
import type { Shell } from './shell.js'
import { bar, byteSize, percent, printable } from './table.js'

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
