/** Data on stdout: JSON, or tab-separated lines. */
import type { Shell } from './shell.js'
import { printable } from './table.js'

/** A JSON array, written as its elements come, one a line. */
export class JsonList {
  readonly #shell: Shell
  #empty = true

  constructor(shell: Shell) {
    this.#shell = shell
  }

  async add(value: unknown): Promise<void> {
    const before = this.#empty ? '[\n' : ',\n'
    this.#empty = false
    await this.#shell.write(before + JSON.stringify(value))
  }

  async end(): Promise<void> {
    await this.#shell.write(this.#empty ? '[]\n' : '\n]\n')
  }
}

/** Cells of one line, with what would break it spelt out. */
export function tabbed(cells: readonly string[]): string {
  return `${cells.map(printable).join('\t')}\n`
}

/** A float32 in as many digits as bring it back exactly. */
export function float32(value: number): string {
  return String(Number(value.toPrecision(9)))
}
