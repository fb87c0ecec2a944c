/**
 * One start of the library in a process of its own, for `ggclip bench`: loads a model, makes one embedding, prints times
 * and memory as JSON. `node start.js SETTINGS`, settings as JSON.
 */
const began = performance.now() // before the library is read: CommonJS keeps this order

import { readFileSync } from 'node:fs'

import { Clip, type LoadOptions } from '../../library.js'

export interface StartSettings {
  model?: string
  options: LoadOptions
  /** A file with the picture to embed; none: a text. */
  picture?: string
}

export interface StartResult {
  /** From the first line of this file. */
  loadMs: number
  firstMs: number
  /** Bytes. */
  residentBytes: number
  peakBytes: number
}

/** Linux's getrusage counts the parent's memory before exec, so its own figure is read there. */
function peakBytes(): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kib !== undefined) return Number(kib) * 1024
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024
}

async function start({ model, options, picture }: StartSettings): Promise<StartResult> {
  const clip = await Clip.load(model, options)
  const loadMs = performance.now() - began
  await (picture === undefined ? clip.encodeText('a photo of a cat') : clip.encodeImage(readFileSync(picture)))
  const firstMs = performance.now() - began
  const result = { loadMs, firstMs, residentBytes: process.memoryUsage().rss, peakBytes: peakBytes() }
  await clip.dispose()
  return result
}

if (require.main === module) {
  start(JSON.parse(process.argv[2]!) as StartSettings).then(
    result => process.stdout.write(JSON.stringify(result)),
    (error: Error) => {
      process.stderr.write(error.message)
      process.exitCode = 1
    },
  )
}
