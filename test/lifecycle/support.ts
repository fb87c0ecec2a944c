/** What the suites of the public face share: models, pictures, child processes, expected failures. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { RawPixels } from '../../lib/index.js'

export const root = join(__dirname, '..', '..')
export const oracle = join(root, 'build', 'cache', 'oracle')
export const tinyModel = join(oracle, 'models', 'hf-clip-tiny')
export const tinyGguf = join(oracle, 'gguf', 'hf-clip-tiny-f16.gguf')
export const samples = join(root, 'models', 'samples')
export const addonFile = join(root, 'build', 'cmake', 'ggclip.node')

/** One thread: the suites run beside each other and many at a time. */
export const load = { threads: 1 } as const

export function sample(name: string): string {
  return join(samples, name)
}

/** A picture of its own for each number: a gradient with a square. */
export function picture(seed: number, width = 40, height = 32): RawPixels {
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const inside = x > (seed * 3) % width && y > (seed * 5) % height
      data[at] = (x * 6 + seed * 11) & 255
      data[at + 1] = inside ? 220 : (y * 7 + seed * 29) & 255
      data[at + 2] = inside ? (seed * 53) & 255 : 30
    }
  }
  return { data, width, height, channels: 3 }
}

/** Texts of their own for each number, as long as the context. */
export function longText(seed: number): string {
  return Array.from({ length: 90 }, (_, i) => (i === 0 ? `number ${seed}` : `word${(seed + i) % 100}`)).join(' ')
}

export interface Failure extends Error {
  code?: string
}

/** The error that `call` rejects (or throws) with; fails when it does not. */
export async function failureOf(call: () => unknown): Promise<Failure> {
  let result: unknown
  try {
    result = await call()
  } catch (error) {
    return error as Failure
  }
  throw new Error(`expected a failure but got ${JSON.stringify(result)?.slice(0, 200)}`)
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  ms: number
}

export interface ChildOptions {
  env?: Record<string, string>
  execArgv?: string[]
  /** Killed after so long; the `signal` is SIGKILL then. */
  timeoutMs?: number
  cwd?: string
}

/** Runs a script of test/fixtures in a process of its own, against the compiled library in dist/. */
export function runChild(script: string, args: string[], options: ChildOptions = {}): Promise<Ended> {
  if (!existsSync(join(root, 'dist', 'index.js'))) throw new Error('dist/ is missing: run "npm run build" first')
  const file = join(root, 'test', 'fixtures', script)
  return runCommand(process.execPath, [...(options.execArgv ?? []), file, ...args], options)
}

export function runCommand(command: string, args: string[], options: ChildOptions = {}): Promise<Ended> {
  const { env, timeoutMs = 50_000, cwd = root } = options
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout, stderr, ms: performance.now() - began })
    })
  })
}

/** The last line of a child's output, which it prints as JSON. Fails with all that it said when it did not end well. */
export function report<T>(ended: Ended): T {
  const said = `${ended.stdout}${ended.stderr}`.slice(-3000)
  if (ended.code !== 0) throw new Error(`the child ended with ${ended.signal ?? `exit code ${ended.code}`}:\n${said}`)
  const line = ended.stdout.trim().split('\n').at(-1) ?? ''
  try {
    return JSON.parse(line) as T
  } catch {
    throw new Error(`the child printed no result:\n${said}`)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, ms))
}

/** Resolves when `condition` holds; fails after `limitMs`. */
export async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`still not so after ${limitMs} ms: ${String(condition)}`)
    await sleep(2)
  }
}

/** Everything that an iterable yields. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const element of source) all.push(element)
  return all
}

export function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}

/** Largest difference between two vectors' elements; NaN anywhere counts as infinite. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference
  }
  return largest
}
