/** The full-size ViT-B/32 of the oracle: 605 MB made by rule, kept in build/cache/b32. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'

import { cache, oracle } from './oracle'

export const b32Config = path.join(oracle, 'models', 'b32-config')
export const b32Directory = path.join(cache, 'b32')
const generator = path.join(oracle, 'generate', 'make_b32.mjs')
const tokenizer = path.join(oracle, 'tokenizer', 'clip')
const tokenizerFiles = ['vocab.json', 'merges.txt', 'special_tokens_map.json', 'tokenizer_config.json']

export const b32Sources = [b32Config, generator, tokenizer]

/** Makes the checkpoint if it is not there. Seconds; complete or absent, also when interrupted. */
export function makeB32(): string {
  const { bytes } = JSON.parse(readFileSync(path.join(b32Config, 'check.json'), 'utf8')) as { bytes: number }
  const weights = path.join(b32Directory, 'model.safetensors')
  if (existsSync(weights) && statSync(weights).size === bytes) return b32Directory
  const unfinished = `${b32Directory}-${process.pid}`
  // by its real path: it does nothing when its name is not the one it was started by, as behind a link
  execFileSync(process.execPath, [realpathSync(generator), unfinished], { stdio: 'ignore' })
  for (const name of tokenizerFiles) copyFileSync(path.join(tokenizer, name), path.join(unfinished, name))
  rmSync(b32Directory, { recursive: true, force: true })
  renameSync(unfinished, b32Directory)
  return b32Directory
}

/** The check's input, [2, 3, 224, 224]: 1.2 z of the stream `input.pixel_values` (WEIGHTS.md of the oracle). */
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
