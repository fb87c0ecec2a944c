/** Where the reference data is, and how it is read. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

import { TensorFile } from './safetensors'

const root = path.join(__dirname, '..', '..')
/** The reference's models and pictures, made by test/oracle/build.cjs before the tests. */
export const oracle = path.join(root, 'build', 'cache', 'oracle')
export const fixtures = path.join(root, 'test', 'fixtures', 'reference')
export const cache = path.join(root, 'build', 'cache')

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
