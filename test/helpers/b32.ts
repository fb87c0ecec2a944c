/** The full-size ViT-B/32 of the reference: 605 MB made by rule, kept in build/cache/b32. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'

import { cache, oracle } from './oracle'

export const b32Config = path.join(oracle, 'models', 'b32-config')
const generator = path.join(__dirname, '..', '..', 'bench', 'make-model.mjs')
const tokenizer = path.join(oracle, 'tokenizer', 'clip')

/** Makes the checkpoint if it is not there. Seconds; complete or absent, also when interrupted or made by two at once. */
export function makeB32(): string {
  const directory = path.join(cache, 'b32')
  if (existsSync(directory)) return directory
  const unfinished = `${directory}-${process.pid}`
  const script = `import { makeModel } from ${JSON.stringify(generator)}; makeModel('vit-b-32', process.argv[1])`
  execFileSync(process.execPath, ['--input-type=module', '-e', script, unfinished])
  for (const name of readdirSync(tokenizer)) copyFileSync(path.join(tokenizer, name), path.join(unfinished, name))
  try {
    renameSync(unfinished, directory)
  } catch (error) {
    if (!existsSync(directory)) throw error
    rmSync(unfinished, { recursive: true })
  }
  return directory
}

/** The check's input, [2, 3, 224, 224]: 1.2 z of the stream `input.pixel_values` (WEIGHTS.md). */
export function b32Images(): { tensor: Float32Array }[] {
  const name = 'input.pixel_values'
  const a = hash(`${name}#a`)
  const b = hash(`${name}#b`)
  const size = 3 * 224 * 224
  return [0, 1].map(image => ({
    tensor: Float32Array.from({ length: size }, (_, i) => 1.2 * normal(Math.imul(image * size + i, 0x9e3779b1), a, b)),
  }))
}

function normal(k: number, seedA: number, seedB: number): number {
  const a = mix((k + seedA) | 0)
  const b = mix((k + seedB) | 0)
  return ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131070) / 37837.22
}

function hash(text: string): number {
  let h = 0x811c9dc5
  for (const byte of Buffer.from(text)) h = Math.imul(h ^ byte, 0x01000193)
  return h >>> 0
}

function mix(value: number): number {
  let x = value ^ (value >>> 16)
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}
