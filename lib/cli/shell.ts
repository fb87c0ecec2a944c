/** A command's view of the process: its streams, the signals that end it, and reports of errors. */
import { once } from 'node:events'
import { isatty } from 'node:tty'

import { ClipError, endProcess } from '../library.js'
import { describeFailure, exitStatus, Interruption, UsageError } from './failure.js'
import { Output } from './stdout.js'
import { paints, type Paints, printable, truncate } from './table.js'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** How long the exit waits for a reader of stderr. */
const stderrWaitMs = 1000

export class Shell {
  /** Aborted by SIGINT (Ctrl-C), SIGTERM and SIGHUP, with an {@link Interruption}. */
  readonly signal: AbortSignal
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean
  /** Maximum width of a line; unlimited except on a terminal. */
  readonly columns: number
  /** Colours, if stdout supports them. */
  readonly paint: Paints
  readonly debug: boolean
  exitStatus = 0
  /** Time for an interrupted command to end; after that it is blocked by something that cannot be stopped. */
  graceMs = 1500
  /** Time for removing unfinished files at the exit, or at a second signal. */
  hurryMs = 2500
  readonly #process: NodeJS.Process
  readonly #output: Output
  readonly #abort = new AbortController()
  readonly #terminals = [0, 1, 2].filter(fd => isatty(fd))
  #stdinTaken = false
  #statusShown = false
  #reported: unknown

  constructor(process: NodeJS.Process) {
    const { stdout, stderr, env } = process
    this.#process = process
    this.signal = this.#abort.signal
    this.isTerminal = stdout.isTTY === true
    this.columns = this.isTerminal ? stdout.columns || 80 : Infinity
    this.paint = paints(this.isTerminal && !env.NO_COLOR && env.TERM !== 'dumb')
    this.debug = ![undefined, '', '0'].includes(env.GGCLIP_DEBUG)
    for (const name of signals) process.on(name, this.#interrupt)
    // the reader has closed the pipe ("| head"): nothing more to do, not a failure
    this.#output = new Output(stdout, () => this.#end(this.exitStatus))
    // messages that cannot be written are lost; the exit status remains
    stderr.on('error', () => undefined)
  }

  /** Writes to stdout; resolves when more may be written. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async write(text: string | Uint8Array): Promise<void> {
    this.clearStatus()
    await this.#output.write(text, this.signal)
  }

  /** The same for the last piece of text. */
  put(text: string): void {
    this.#output.put(text)
  }

  /** A line for people, on stderr. */
  note(text: string): void {
    this.clearStatus()
    this.#process.stderr.write(`${printable(text)}\n`)
  }

  /**
   * Reports a failure: of the command, with its `verb`, or of one input, after which the command continues. The exit
   * status becomes that of a failure.
   */
  report(error: unknown, verb?: string): void {
    this.#reported = error
    for (const line of describeFailure(error, this, verb)) this.note(line)
    this.exitStatus = exitStatus(error, this)
  }

  /** A progress line that the next one overwrites. Only on a terminal without a table. */
  status(text: string): void {
    const { stderr } = this.#process
    if (stderr.isTTY !== true || this.isTerminal) return
    stderr.write(`\r${text}\x1b[K`)
    this.#statusShown = true
  }

  /** The same for work before anything is written to stdout, cut to the width of the terminal. */
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

  /** Standard input, which can be read once. `what`: what is expected there. */
  stdin(what: 'an image' | 'texts' | 'labels'): NodeJS.ReadStream & { fd: 0 } {
    const { stdin } = this.#process
    if (this.#stdinTaken) throw new UsageError("standard input can be read only once: give '-' a single time")
    if (what === 'an image' && stdin.isTTY) {
      throw new UsageError("'-' reads an image from standard input, which is a terminal: redirect a file into it")
    }
    this.#stdinTaken = true
    if (this.signal.aborted) throw this.signal.reason
    const stop = (): void => void stdin.destroy(new ClipError('ERR_CLIP_ABORTED', 'interrupted'))
    this.signal.addEventListener('abort', stop, { once: true })
    return stdin
  }

  /**
   * Lets the process end. Waits for data that a slow reader has not taken yet, but not for open work of an interrupted
   * command or for unread lines on stderr.
   */
  async finish(): Promise<void> {
    this.clearStatus()
    try {
      if (!this.signal.aborted) await this.#output.end(this.signal)
    } catch (error) {
      if (error !== this.#reported) this.report(error)
    }
    if (this.#stdinTaken) this.#process.stdin.destroy()
    this.#process.exitCode = this.exitStatus
    if (await this.#stderrDrained() && !this.signal.aborted && !this.#isTerminalGone()) {
      for (const name of signals) this.#process.off(name, this.#interrupt)
      return
    }
    this.#end(this.exitStatus)
  }

  #end(status: number): never {
    endProcess(status, this.#isTerminalGone() ? 0 : this.hurryMs)
  }

  /** At exit Node restores the state of terminals, and aborts if one no longer exists. */
  #isTerminalGone(): boolean {
    return this.#terminals.some(fd => !isatty(fd))
  }

  /** Whether everything on stderr has been written. */
  async #stderrDrained(): Promise<boolean> {
    const { stderr } = this.#process
    if (stderr.writableLength === 0 || stderr.destroyed) return true
    try {
      await once(stderr, 'drain', { signal: AbortSignal.timeout(stderrWaitMs) })
      return true
    } catch {
      return false
    }
  }

  readonly #interrupt = (name: NodeJS.Signals): void => {
    const interruption = new Interruption(name as Interruption['signal'])
    // second signal: exit at once
    if (this.signal.aborted) {
      // both the system and the shell signal that a terminal is closed
      if (name !== 'SIGHUP') this.#end(interruption.status)
      return
    }
    this.exitStatus = interruption.status
    setTimeout(() => {
      for (const line of describeFailure(interruption, this)) this.note(line)
      this.#end(this.exitStatus)
    }, this.graceMs).unref()
    this.#abort.abort(interruption)
  }
}
