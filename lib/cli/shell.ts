/** What a command sees of the process: its streams, Ctrl-C, and a place to say what went wrong. */
import { once } from 'node:events'

import { ClipError } from '../index.js'
import { describeFailure, exitStatus, UsageError } from './failure.js'
import { paints, type Paints, printable, truncate } from './table.js'

export class Shell {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Whether a person reads stdout. */
  readonly isTerminal: boolean
  /** How wide a line may be; no limit but on a terminal. */
  readonly columns: number
  /** Colours where they belong. */
  readonly paint: Paints
  readonly debug: boolean
  exitStatus = 0
  readonly #process: NodeJS.Process
  readonly #abort = new AbortController()
  #stdinTaken = false
  #statusShown = false

  constructor(process: NodeJS.Process) {
    const { stdout, stderr, env } = process
    this.#process = process
    this.signal = this.#abort.signal
    this.isTerminal = stdout.isTTY === true
    this.columns = this.isTerminal ? stdout.columns || 80 : Infinity
    this.paint = paints(this.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb')
    this.debug = ![undefined, '', '0'].includes(env.GGCLIP_DEBUG)
    process.on('SIGINT', this.#interrupt)
    // the reader has left ("| head"): nothing more to do, and no failure
    stdout.on('error', (error: NodeJS.ErrnoException) => this.#onBrokenPipe(error))
    stderr.on('error', () => undefined)
  }

  /** Writes to stdout; resolves when more may be written. */
  async write(text: string): Promise<void> {
    this.clearStatus()
    if (!this.#process.stdout.write(text)) await once(this.#process.stdout, 'drain')
  }

  /** A line for people, on stderr. */
  note(text: string): void {
    this.clearStatus()
    this.#process.stderr.write(`${printable(text)}\n`)
  }

  /** Says that one input failed; the command goes on and ends with the status of a failure. */
  report(error: unknown): void {
    for (const line of describeFailure(error, this)) this.note(line)
    this.exitStatus = exitStatus(error, this)
  }

  /** A line that the next one overwrites: how far things are. Only where a person sees it and no table. */
  status(text: string): void {
    const { stderr } = this.#process
    if (stderr.isTTY !== true || this.isTerminal) return
    stderr.write(`\r${text}\x1b[K`)
    this.#statusShown = true
  }

  /** The same for work that ends before anything is written to stdout, cut to the width of the terminal. */
  progress(text: string): void {
    const { stderr } = this.#process
    if (stderr.isTTY !== true) return
    stderr.write(`\r${truncate(text, (stderr.columns || 80) - 1)}\x1b[K`)
    this.#statusShown = true
  }

  clearStatus(): void {
    if (!this.#statusShown) return
    this.#process.stderr.write('\r\x1b[K')
    this.#statusShown = false
  }

  /** Standard input, for one reader. `what`: what is expected there. */
  stdin(what: 'an image' | 'texts' | 'labels'): NodeJS.ReadStream & { fd: 0 } {
    const { stdin } = this.#process
    if (this.#stdinTaken) throw new UsageError('standard input can be read only once: give \'-\' a single time')
    if (what === 'an image' && stdin.isTTY) {
      throw new UsageError("'-' reads an image from standard input, which is a terminal: redirect a file into it")
    }
    this.#stdinTaken = true
    if (this.signal.aborted) throw this.signal.reason
    const stop = (): void => void stdin.destroy(new ClipError('ERR_CLIP_ABORTED', 'interrupted'))
    this.signal.addEventListener('abort', stop, { once: true })
    return stdin
  }

  /** Lets the process end. */
  close(): void {
    this.clearStatus()
    this.#process.off('SIGINT', this.#interrupt)
    if (this.#stdinTaken) this.#process.stdin.destroy()
    this.#process.exitCode = this.exitStatus
  }

  readonly #interrupt = (): void => {
    // asked a second time: at once
    if (this.signal.aborted) this.#process.exit(130)
    this.exitStatus = 130
    this.#abort.abort()
  }

  #onBrokenPipe(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EPIPE') throw error
    this.#process.exit(this.exitStatus)
  }
}
