/** What a command sees of the process: its streams, the signals that end it, and a place to say what went wrong. */
import { once } from 'node:events'
import { isatty } from 'node:tty'

import { ClipError, endProcess } from '../library.js'
import { describeFailure, exitStatus, Interruption, UsageError } from './failure.js'
import { Output } from './stdout.js'
import { paints, type Paints, printable, truncate } from './table.js'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** How long the end waits for a reader of stderr. */
const wordsMs = 1000

export class Shell {
  /** Aborted by SIGINT (Ctrl-C), SIGTERM and SIGHUP, with an {@link Interruption}. */
  readonly signal: AbortSignal
  /** Whether a person reads stdout. */
  readonly isTerminal: boolean
  /** How wide a line may be; no limit but on a terminal. */
  readonly columns: number
  /** Colours where they belong. */
  readonly paint: Paints
  readonly debug: boolean
  exitStatus = 0
  /** How long an interrupted command may take to end; beyond that something holds it that cannot be stopped. */
  graceMs = 1500
  /** How long the end itself, or a second signal, leaves to what is being taken away: a file that is half written. */
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
    // the reader has left ("| head"): nothing more to do, and no failure
    this.#output = new Output(stdout, () => this.#end(this.exitStatus))
    // words that cannot be written are lost; the exit status tells
    stderr.on('error', () => undefined)
  }

  /** Writes to stdout; resolves when more may be written. @throws {ClipError} ERR_CLIP_FILE_WRITE */
  async write(text: string): Promise<void> {
    this.clearStatus()
    await this.#output.write(text, this.signal)
  }

  /** The same for a text of which there is no more. */
  put(text: string): void {
    this.#output.put(text)
  }

  /** A line for people, on stderr. */
  note(text: string): void {
    this.clearStatus()
    this.#process.stderr.write(`${printable(text)}\n`)
  }

  /**
   * Says that something failed: the command, whose `verb` is then given, or one input while the command goes on. It ends
   * with the status of a failure.
   */
  report(error: unknown, verb?: string): void {
    this.#reported = error
    for (const line of describeFailure(error, this, verb)) this.note(line)
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
   * Lets the process end. Data that a slow reader has not taken yet is waited for; what an interrupted command still has
   * open, and unread lines on stderr, are not.
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
    if (await this.#wordsTaken() && !this.signal.aborted && !this.#isTerminalGone()) {
      for (const name of signals) this.#process.off(name, this.#interrupt)
      return
    }
    this.#end(this.exitStatus)
  }

  #end(status: number): never {
    endProcess(status, this.#isTerminalGone() ? 0 : this.hurryMs)
  }

  /** Node, which gives terminals back as it found them when it ends, aborts where one is not there any more. */
  #isTerminalGone(): boolean {
    return this.#terminals.some(fd => !isatty(fd))
  }

  /** Whether everything on stderr has left this process. */
  async #wordsTaken(): Promise<boolean> {
    const { stderr } = this.#process
    if (stderr.writableLength === 0 || stderr.destroyed) return true
    try {
      await once(stderr, 'drain', { signal: AbortSignal.timeout(wordsMs) })
      return true
    } catch {
      return false
    }
  }

  readonly #interrupt = (name: NodeJS.Signals): void => {
    const interruption = new Interruption(name as Interruption['signal'])
    // asked a second time: at once
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
