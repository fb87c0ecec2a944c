/** Checkpoints taken apart and written again in other layouts. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { Clip, type LoadOptions } from '../../lib/index.js'
import { fixtures } from '../helpers/oracle'

export interface Stored {
  dtype: string
  shape: number[]
  data: Buffer
}
export type Tensors = Record<string, Stored>
export type Json = Record<string, any>

const { buildSafetensors } = require('../fixtures/bad-input/model-files.cjs') as {
  buildSafetensors(file: { header: Record<string, object>; data: Buffer }): Buffer
}
const { checkpoint } = require('../fixtures/torch/zip.cjs') as { checkpoint(tensors: Tensors): Buffer }

export const plain = path.join(fixtures, 'small-head-80')
export const picture = {
  data: Uint8Array.from({ length: 300 }, (_, i) => (i * 37) % 256),
  width: 10,
  height: 10,
  channels: 3 as const,
}
export const text = 'a photo of a cat'
export const tokenizerFiles = ['vocab.json', 'merges.txt', 'tokenizer_config.json']

export function scratch(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `ggclip-${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function configOf(folder: string): Json {
  return JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as Json
}

export function tensorsOf(file: string): Tensors {
  const bytes = readFileSync(file)
  const end = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, end)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  return Object.fromEntries(
    Object.entries(header).filter(([name]) => name !== '__metadata__').map((
      [name, { dtype, shape, data_offsets: [from, to] }],
    ) => [
      name,
      { dtype, shape, data: bytes.subarray(end + from, end + to) },
    ]),
  )
}

export function safetensors(tensors: Tensors): Buffer {
  let at = 0
  const header = Object.fromEntries(
    Object.entries(tensors).map((
      [name, { dtype, shape, data }],
    ) => [name, { dtype, shape, data_offsets: [at, at += data.length] }]),
  )
  return buildSafetensors({ header, data: Buffer.concat(Object.values(tensors).map(({ data }) => data)) })
}

/** Each form of weights that a folder may have. */
export const forms = {
  safetensors: (folder: string, tensors: Tensors): void =>
    writeFileSync(path.join(folder, 'model.safetensors'), safetensors(tensors)),
  torch: (folder: string, tensors: Tensors): void =>
    writeFileSync(path.join(folder, 'pytorch_model.bin'), checkpoint(tensors)),
  'safetensors in shards': (folder: string, tensors: Tensors): void =>
    shards(folder, tensors, 'model.safetensors', safetensors),
  'torch in shards': (folder: string, tensors: Tensors): void =>
    shards(folder, tensors, 'pytorch_model.bin', checkpoint),
}
export type Form = keyof typeof forms

function shards(folder: string, tensors: Tensors, name: string, build: (tensors: Tensors) => Buffer): void {
  const parts: [string, Tensors][] = [['part-1-of-2', {}], ['part-2-of-2', {}]]
  // a tower each, as large checkpoints often come out
  for (const [key, tensor] of Object.entries(tensors)) parts[/vision_model|visual/.test(key) ? 0 : 1]![1][key] = tensor
  for (const [part, some] of parts)
    writeFileSync(path.join(folder, `${part}.${path.extname(name).slice(1)}`), build(some))
  const map = Object.fromEntries(
    parts.flatMap(([part, some]) => Object.keys(some).map(key => [key, `${part}.${path.extname(name).slice(1)}`])),
  )
  writeFileSync(path.join(folder, `${name}.index.json`), JSON.stringify({ weight_map: map }))
}

export function writeFolder(
  folder: string,
  config: Json,
  tensors: Tensors,
  { form = 'safetensors' as Form, beside = [...tokenizerFiles, 'preprocessor_config.json'] } = {},
): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config))
  for (const file of beside) cpSync(path.join(plain, file), path.join(folder, file))
  forms[form](folder, tensors)
  return folder
}

export function renamed(tensors: Tensors, name: (old: string) => string): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([old, tensor]) => [name(old), tensor]))
}

/** One tower saved alone: its part of the configuration is the whole one. */
export function towerAlone(
  tower: 'vision' | 'text',
  { flat = false, projection = false } = {},
): { config: Json; tensors: Tensors } {
  const prefix = `${tower}_model.`
  const kept = Object.entries(tensorsOf(path.join(plain, 'model.safetensors')))
    .filter(([name]) =>
      name.startsWith(prefix) || (projection && name === `${tower === 'vision' ? 'visual' : 'text'}_projection.weight`)
    )
    .map(([name, tensor]): [string, Stored] => [flat ? name.replace(prefix, '') : name, tensor])
  const type = tower === 'vision' ? 'CLIPVisionModel' : 'CLIPTextModel'
  const config = {
    ...configOf(plain)[`${tower}_config`] as Json,
    architectures: [projection ? `${type}WithProjection` : type],
  }
  return { config, tensors: Object.fromEntries(kept) }
}

export interface Vectors {
  image?: Float32Array
  text?: Float32Array
}

export async function vectorsOf(source: string, options: LoadOptions = {}): Promise<Vectors> {
  await using clip = await Clip.load(source, { threads: 1, sessions: 1, ...options })
  return {
    ...(clip.info.vision ? { image: await clip.encodeImage(picture, { normalize: false }) } : {}),
    ...(clip.info.text ? { text: await clip.encodeText(text, { normalize: false }) } : {}),
  }
}

/** The vectors, or the error's code; anything else fails the test. */
export async function outcome(work: Promise<Vectors>): Promise<Vectors | string> {
  try {
    return await work
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code?.startsWith('ERR_CLIP_') !== true || code === 'ERR_CLIP_INTERNAL')
      throw new Error(`${code}: ${message}`, { cause: error })
    return code
  }
}
