/**
 * Writes log lines to stderr without ever blocking the server. If a pipe is full (a stalled reader, a stopped
 * terminal), lines wait up to a limit; lines that cannot be written (disk full, terminal or reader gone) are lost,
 * counted, and reported once lines can be written again.
 */
import { constants, fstatSync, openSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

/** Bytes of waiting lines. */
const mostWaiting = 2 ** 20
const retryMs = 50

export class LogStream {
  readonly #writer: (bytes: Buffer) => number
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  /** A part of the first waiting line has been written. */
  #partial = false
  /** An incomplete line precedes the next one. */
  #torn = false
  #lost = 0
  #reported = 0
  #timer: NodeJS.Timeout | undefined

  /** `write` returns how many bytes it took; 0: none at present. It throws if they cannot be written. */
  constructor(write: (bytes: Buffer) => number) {
    this.#writer = write
  }

  /** Number of lost lines. */
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

  /** Resolves when nothing is waiting, or after `ms`. */
  async flush(ms: number): Promise<void> {
    for (const end = performance.now() + ms; this.#waiting.length > 0 && performance.now() < end; this.drain()) {
      await new Promise(resolve => void setTimeout(resolve, 10))
    }
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  /** Writes the waiting lines, as far as possible without waiting. */
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
    if (this.#lost === this.#reported) return
    const lost = this.#lost - this.#reported
    this.#reported = this.#lost
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

/** The process's only instance: all its servers write to one stderr. */
export function stderrLog(): LogStream {
  if (shared) return shared
  const log = new LogStream(stderrWriter())
  // last chance for waiting lines
  process.on('exit', () => log.drain())
  shared = log
  return log
}

/**
 * Pipes and terminals are written without blocking, since a blocked write on one of Node's threads delays even the exit
 * of the process. They are reopened if possible, since other programs may share the existing descriptor.
 */
function stderrWriter(): (bytes: Buffer) => number {
  const stat = fstatSync(2)
  if (!stat.isFIFO() && !stat.isSocket() && !isatty(2)) return bytes => writeSync(2, bytes)
  const fd = openWithoutBlocking() ?? process.stderr.fd // accessing it makes Node set pipes and sockets to non-blocking
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
