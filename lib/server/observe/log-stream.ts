/**
 * Where log lines go: stderr, written so that nothing at its other end holds up the server. A full pipe (a reader that
 * stands still, a terminal that was stopped) keeps lines waiting up to a limit; what cannot be written (disk full,
 * terminal or reader gone) is lost, counted, and told of once lines can be written again.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Bytes of lines that wait. */
const mostWaiting = 2 ** 20
const retryMs = 50

export class LogStream {
  readonly #writer: (bytes: Buffer) => number
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Of the first line that waits a part has been written. */
  #partial = false
  /** A line that broke off in its middle stands before the next one. */
  #torn = false
  #lost = 0
  #told = 0
  #timer: NodeJS.Timeout | undefined

  /** `write` returns how many bytes it took; 0: none at present. It throws when they cannot be written. */
  constructor(write: (bytes: Buffer) => number) {
    this.#writer = write
  }

  /** Lines that were lost. */
  get lost(): number {
    return this.#lost
  }

  write(line: string): void {
    const bytes = Buffer.from(line)
    if (this.#waitingBytes + bytes.length > mostWaiting) {
      this.#lost++
      return
    }
    this.#push(bytes)
    this.drain()
  }

  /** Resolves when nothing waits any more, or after `ms`. */
  async flush(ms: number): Promise<void> {
    for (const end = performance.now() + ms; this.#waiting.length > 0 && performance.now() < end; this.drain()) {
      await new Promise(resolve => void setTimeout(resolve, 10))
    }
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  /** Writes what waits, as far as it is taken at once. */
  drain(): void {
    clearTimeout(this.#timer)
    try {
      while (this.#waiting.length > 0) {
        if (this.#torn) {
          if (this.#writer(Buffer.from('\n')) === 0) return this.#later()
          this.#torn = false
        }
        const [line] = this.#waiting
        const taken = this.#writer(line!)
        if (taken === 0) return this.#later()
        this.#waitingBytes -= taken
        if (taken < line!.length) this.#waiting[0] = line!.subarray(taken)
        else this.#waiting.shift()
        this.#partial = taken < line!.length
        if (!this.#partial) this.#tellLost()
      }
    } catch {
      this.#lost += this.#waiting.length
      this.#torn ||= this.#partial
      this.#partial = false
      this.#waiting.length = this.#waitingBytes = 0
    }
  }

  #tellLost(): void {
    if (this.#lost === this.#told) return
    const lost = this.#lost - this.#told
    this.#told = this.#lost
    const line = {
      level: 40,
      time: new Date().toISOString(),
      name: 'ggclip',
      lost,
      msg: 'log lines could not be written',
    }
    this.#push(Buffer.from(`${JSON.stringify(line)}\n`))
  }

  #later(): void {
    this.#timer = setTimeout(() => this.drain(), retryMs).unref()
  }
}

let shared: LogStream | undefined

/** The process's: all its servers write to one stderr. */
export function stderrLog(): LogStream {
  if (shared) return shared
  const log = new LogStream(stderrWriter())
  // what waits gets its last chance
  process.on('exit', () => log.drain())
  shared = log
  return log
}

/**
 * What may stand still is written to without blocking, since a write that blocks one of Node's threads holds up even the
 * end of the process: opened anew where that can be done, as other programs may share the descriptor that is there.
 */
function stderrWriter(): (bytes: Buffer) => number {
  const stat = fstatSync(2)
  if (!stat.isFIFO() && !stat.isSocket() && !isatty(2)) return bytes => writeSync(2, bytes)
  const fd = openWithoutBlocking() ?? process.stderr.fd // looking at it is what makes Node set pipes and sockets so
  return bytes => writeOrWait(fd, bytes)
}

function openWithoutBlocking(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined // a socket, or another user's terminal
  }
}

function writeOrWait(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}
