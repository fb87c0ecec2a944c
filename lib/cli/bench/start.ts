/**
 * One start of the library in a process of its own, for `ggclip bench`: loads a model, computes one embedding, prints
 * times and memory as JSON. `node start.js SETTINGS`, settings as JSON.
 */
const began = performance.now() // before the library is loaded: CommonJS keeps this order

import { readFileSync } from 'node:fs'

import { Clip, type LoadOptions } from '../../library.js'

export interface StartSettings {
  model?: string
  options: LoadOptions
  /** A file with the image to embed; none: a text. */
  picture?: string
}

export interface StartResult {
  /** Measured from the first line of this file. */
  loadMs: number
  firstMs: number
  /** Bytes. */
  residentBytes: number
  peakBytes: number
}

/** Linux's getrusage includes the parent's memory before exec, so its own figure is used there. */
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
