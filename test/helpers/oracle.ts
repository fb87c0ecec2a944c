/** Where the reference data is, and how suites go without it. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { TensorFile } from './safetensors'

const root = path.join(__dirname, '..', '..')
export const oracle = path.join(root, '..', 'shared', 'oracle')
export const emoji = path.join(root, '..', 'shared', 'emoji')
export const fixtures = path.join(root, 'test', 'fixtures', 'reference')
export const cache = path.join(root, 'build', 'cache')

/** `describe` when all paths exist; else a suite that is skipped and says why. */
export function describeWith(paths: readonly string[], name: string, body: () => void): void {
  const absent = paths.filter(file => !existsSync(file))
  if (absent.length === 0) {
    describe(name, body)
    return
  }
  const names = absent.map(file => path.relative(root, file)).join(', ')
  console.warn(`SKIPPED: ${name}: needs ${names}`)
  test.skip(`${name}: needs ${names}`, () => {})
}

export interface Expected {
  family: string
  texts: string[]
  /** Image files, relative to the model's directory. */
  e2e_images?: string[]
}

export interface ReferenceModel {
  directory: string
  expected: Expected
  tensors: TensorFile
}

/** A model with the reference's inputs and outputs beside it. */
export function referenceModel(directory: string): ReferenceModel {
  return {
    directory,
    expected: JSON.parse(readFileSync(path.join(directory, 'expected.json'), 'utf8')) as Expected,
    tensors: new TensorFile(path.join(directory, 'expected.safetensors')),
  }
}

/** Runs `work` with GGCLIP_CPU set, which is read when a model is loaded. 'best': whatever this machine gets. */
export async function withKernels<T>(kernels: string, work: () => Promise<T>): Promise<T> {
  const before = process.env.GGCLIP_CPU
  if (kernels === 'best') delete process.env.GGCLIP_CPU
  else process.env.GGCLIP_CPU = kernels
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env.GGCLIP_CPU
    else process.env.GGCLIP_CPU = before
  }
}
